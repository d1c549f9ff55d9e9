package zoo_test

import (
	"slices"
	"strings"
	"testing"

	"streamdse/workload/zoo"
)

func TestParameters(t *testing.T) {
	m, err := zoo.Model("resnet18: batch = 2 ,height=0320,width=224")
	if err != nil {
		t.Fatal(err)
	}
	if want := "resnet18,batch=2,height=320"; m.Graph.Name != want {
		t.Errorf("the variant is called %q, want %q", m.Graph.Name, want)
	}
	var got []int64
	for _, d := range m.Graph.Inputs[0].Shape {
		got = append(got, d.Value)
	}
	if !slices.Equal(got, []int64{2, 3, 320, 224}) {
		t.Errorf("its input is %v", got)
	}
	if same, err := zoo.Model("resnet18:batch=1"); err != nil || same.Graph.Name != "resnet18" {
		t.Errorf("with its defaults it is called %q (%v)", same.Graph.Name, err)
	}
	again, err := zoo.Model(m.Graph.Name)
	if err != nil || again.Graph.Name != m.Graph.Name || !zoo.Has(m.Graph.Name) {
		t.Errorf("the variant's name does not mean it: %v", err)
	}
	about, parameters := zoo.About("resnet18")
	if !strings.Contains(about, "He et al.") || len(parameters) != 3 || parameters[1].Name != "height" || parameters[1].Default != "224" {
		t.Errorf("about: %q %+v", about, parameters)
	}
	if !zoo.Has("resnet18:height=1") || zoo.Has("resnet19:height=1") {
		t.Error("Has looks at more or less than the part before the colon")
	}
}

func TestBadParameters(t *testing.T) {
	for name, want := range map[string]string{
		"resnet19":                     "there is no built-in workload resnet19",
		"resnet18:":                    "workload resnet18: \"\" is no setting\n  allowed: name=value, separated by commas\n  hint: parameters: batch, height, width",
		"resnet18:heigth=3":            "workload resnet18 has no parameter \"heigth\"\n  allowed: batch, height, width\n  hint: did you mean `height`?",
		"resnet18:height=0":            "workload resnet18: parameter height cannot be \"0\"\n  allowed: a whole number from 1 to 1048576",
		"resnet18:height=64,height=64": "workload resnet18: parameter height is given twice",
		"resnet18:batch=one,width=-1":  "workload resnet18: parameter batch cannot be \"one\"\n  allowed: a whole number from 1 to 1048576\nworkload resnet18: parameter width cannot be \"-1\"",
		"llama_block:heads=3":          "workload llama_block,heads=3: parameter heads (3) does not divide hidden (4096)",
		"llama_block:kv_heads=5":       "workload llama_block,kv_heads=5: parameter kv_heads (5) does not divide heads (32)",
		"llama_block:hidden=96":        "workload llama_block,hidden=96: a head has 3 elements, which rotary positions take in pairs",
		"llama_block:mode=both":        "workload llama_block: parameter mode cannot be \"both\"\n  allowed: prefill, decode",
		"moe_block:top=9":              "workload moe_block,top=9: parameter top (9) is larger than experts (8)",
		"moe_block:experts=5000":       "workload moe_block,experts=5000: 5000 experts are more than 1024",
		"mamba_block:seq=2000":         "workload mamba_block,seq=2000: a recurrence over 2000 tokens is longer than 1024",
		"vit_b_16:size=2":              "workload vit_b_16 has no parameter \"size\"",
		"mobilenetv3_large:height=1048576,batch=1048576,width=1048576": "workload mobilenetv3_large,batch=1048576,height=1048576,width=1048576, /stem/Conv: node \"Conv\" (Conv): its result is too large",
		"alexnet:height=4":                      "workload alexnet,height=4, /conv1/Conv: node \"Conv\" (Conv): a window of 11 (kernel 11, dilation 1) does not fit into 4",
		"dmcnn_vd:batch=1048576,height=1048576": "workload dmcnn_vd,batch=1048576,height=1048576, /conv1/Conv: node \"Conv\" (Conv): its result is too large",
	} {
		if _, err := zoo.Model(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", name, err, want)
		}
	}
}
