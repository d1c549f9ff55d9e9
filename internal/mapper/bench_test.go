package mapper

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"streamdse/hardware"
	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/mapping"
	"streamdse/workload"
)

// distinctLayers are the convolutions and matrix products of ResNet-18, layers
// of equal shape once.
func distinctLayers(t testing.TB) []*workload.Layer {
	m, err := onnx.ReadFile(golden.Shared(t, "data/zigzag/workload/resnet18.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := onnx.Workload(m, onnx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var layers []*workload.Layer
	for i := range w.Layers {
		l := &w.Layers[i]
		shape := fmt.Sprint(l.Dims, l.Relations)
		for _, o := range l.Operands {
			shape += fmt.Sprint(o.Name, o.Dims, o.Bits, o.FinalBits)
		}
		if (l.Type == "Conv" || l.Type == "Gemm") && !seen[shape] {
			seen[shape] = true
			layers = append(layers, l)
		}
	}
	return layers
}

// publicCore reads a core and its mapping.
func publicCore(t testing.TB, name, mappingFile string) (*hardware.Core, *mapping.Mapping) {
	c, err := hardware.LoadCore(golden.Shared(t, "data/zigzag/hardware/"+name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.Load(golden.Shared(t, "data/zigzag/mapping/"+mappingFile+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// BenchmarkBestResNet18 proves the best nest of every layer of ResNet-18 on five
// cores, and says how many layers were proven.
func BenchmarkBestResNet18(b *testing.B) { benchmarkResNet18(b, Greedy) }

// BenchmarkFreeResNet18 is BenchmarkBestResNet18 with free allocation.
func BenchmarkFreeResNet18(b *testing.B) { benchmarkResNet18(b, Free) }

func benchmarkResNet18(b *testing.B, allocation Allocation) {
	b.ReportAllocs()
	layers := distinctLayers(b)
	for _, name := range []string{"tpu_like", "ascend_like", "meta_prototype", "edge_tpu_like", "tesla_npu_like"} {
		b.Run(name, func(b *testing.B) {
			file := name
			if name == "meta_prototype" {
				file = "meta_prototype_like"
			}
			core, m := publicCore(b, name, file)
			var examined, proven atomic.Int64
			for b.Loop() {
				examined.Store(0)
				proven.Store(0)
				next := make(chan *workload.Layer)
				var workers sync.WaitGroup
				for range runtime.NumCPU() {
					workers.Go(func() {
						for l := range next {
							opt := DefaultOptions()
							opt.Search, opt.Allocation = Best, allocation
							p := Problem{Entry: m.Lookup(l)}
							p.Layer, p.Core = l, core
							r, err := Search(context.Background(), p, opt)
							if err != nil {
								b.Error(err)
								continue
							}
							examined.Add(r.Examined)
							if r.ProvenOptimal {
								proven.Add(1)
							}
						}
					})
				}
				for _, l := range layers {
					next <- l
				}
				close(next)
				workers.Wait()
			}
			b.ReportMetric(float64(len(layers)), "layers")
			b.ReportMetric(float64(proven.Load()), "proven")
			b.ReportMetric(float64(examined.Load()), "examined")
		})
	}
}
