// Package zoo builds known networks as ONNX models with shapes and without
// weights, so that a run needs no file.
//
// A network is named by a word, "resnet18", and may take parameters after a
// colon: "llama_block:seq=512,mode=decode". Batch normalisations that follow a
// convolution or a matrix product are merged into it, as exporters do.
package zoo

import (
	"slices"
	"strings"

	"streamdse/internal/diag"
	"streamdse/internal/onnx"
)

// network is one entry of the zoo.
type network struct {
	about string // one line: the network and where it was published
	opset int64
	// make declares the network's parameters and returns what builds it once they are set.
	make func(*parameterSet) func(*builder)
}

// networks lists the networks by name; nothing writes to it.
var networks = map[string]network{
	"alexnet":           {"AlexNet (Krizhevsky, 2014: \"One weird trick for parallelizing CNNs\")", convOpset, alexNet},
	"vgg16":             {"VGG-16 (Simonyan and Zisserman, 2015)", convOpset, vgg16},
	"resnet18":          {"ResNet-18 (He et al., 2016)", convOpset, resNet18},
	"resnet50":          {"ResNet-50 (He et al., 2016)", convOpset, bottleneckResNet(3, 4, 6, 3)},
	"resnet101":         {"ResNet-101 (He et al., 2016)", convOpset, bottleneckResNet(3, 4, 23, 3)},
	"resnet152":         {"ResNet-152 (He et al., 2016)", convOpset, bottleneckResNet(3, 8, 36, 3)},
	"mobilenetv1":       {"MobileNet, width 1 (Howard et al., 2017)", convOpset, mobileNetV1},
	"mobilenetv2":       {"MobileNetV2, width 1 (Sandler et al., 2018)", convOpset, mobileNetV2},
	"mobilenetv3_large": {"MobileNetV3-Large (Howard et al., 2019)", convOpset, mobileNetV3},
	"efficientnet_b0":   {"EfficientNet-B0 (Tan and Le, 2019)", convOpset, efficientNetB0},
	"squeezenet1_1":     {"SqueezeNet 1.1 (Iandola et al., 2016)", convOpset, squeezeNet},
	"densenet121":       {"DenseNet-121 (Huang et al., 2017)", convOpset, denseNet121},
	"inception_v3":      {"Inception-v3 (Szegedy et al., 2016)", convOpset, inceptionV3},
	"unet":              {"U-Net for 572x572 images (Ronneberger et al., 2015)", convOpset, uNet},
	"vit_b_16":          {"ViT-B/16 (Dosovitskiy et al., 2021)", transformerOpset, visionTransformer},
	"bert_base":         {"Encoder of BERT-base (Devlin et al., 2019)", transformerOpset, bert},
	"gpt2":              {"GPT-2 small (Radford et al., 2019)", transformerOpset, gpt2},
	"llama_block":       {"Decoder block of Llama 3 8B (Grattafiori et al., 2024)", transformerOpset, llamaBlock},
	"swiglu_block":      {"SwiGLU hidden layer (Shazeer, 2020)", transformerOpset, swiGLUBlock},
	"moe_block":         {"Mixture of experts of Mixtral 8x7B (Jiang et al., 2024)", transformerOpset, mixtureOfExperts},
	"mamba_block":       {"Mamba block of the 130M model (Gu and Dao, 2023)", transformerOpset, mambaBlock},
	"tiny_yolov2":       {"Tiny YOLOv2 for Pascal VOC (Redmon and Farhadi, 2017)", convOpset, tinyYOLOv2},
	"fsrcnn":            {"FSRCNN(56,12,4), super resolution of 540x960 images (Dong et al., 2016)", convOpset, fsrcnn},
	"dmcnn_vd":          {"DMCNN-VD, demosaicing (Syu et al., 2018)", convOpset, dmcnnVD},
	"mlperf_tiny_ic":    {"ResNet-8 for CIFAR-10, image classification of MLPerf Tiny (Banbury et al., 2021)", convOpset, resNet8},
	"mlperf_tiny_vww":   {"MobileNetV1 0.25 for 96x96 images, visual wake words of MLPerf Tiny (Banbury et al., 2021)", convOpset, visualWakeWords},
	"mlperf_tiny_kws":   {"DS-CNN, keyword spotting of MLPerf Tiny (Banbury et al., 2021)", convOpset, keywordSpotting},
	"mlperf_tiny_ad":    {"Deep autoencoder, anomaly detection of MLPerf Tiny (Banbury et al., 2021)", convOpset, autoencoder},
}

// Names lists the built-in networks.
func Names() []string {
	names := make([]string, 0, len(networks))
	for name := range networks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Has tells whether a name, with or without parameters, means a network of the zoo.
func Has(name string) bool {
	base, _, _ := parts(name)
	_, ok := networks[base]
	return ok
}

// parts divides a name from its settings. A comma may stand for the colon: so a
// variant is called in results and files.
func parts(name string) (base, settings string, set bool) {
	i := strings.IndexAny(name, ":,")
	if i < 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

// About is a line that says what the network of the given name is; its parameters
// with their defaults.
func About(name string) (line string, parameters []Parameter) {
	n, ok := networks[name]
	if !ok {
		return "", nil
	}
	var p parameterSet
	n.make(&p)
	return n.about, p.declared
}

// Model builds the network of the given name: batch size 1, the input size that
// it was published with, unless the name sets parameters; a shape for every tensor.
// The error is a diag.List that says what is wrong with the name.
func Model(name string) (*onnx.Model, error) {
	base, settings, set := parts(name)
	n, ok := networks[base]
	if !ok {
		return nil, diag.One("there is no built-in workload "+base, strings.Join(Names(), ", "), diag.DidYouMean(base, Names()))
	}
	var p parameterSet
	build := n.make(&p)
	if set {
		if err := p.parse(base, settings); err != nil {
			return nil, err
		}
	}
	// The name of a variant serves as a file's name on any system.
	b := newBuilder(strings.Join(append([]string{base}, p.given...), ","), n.opset)
	build(b)
	return b.model()
}
