package onnx_test

import (
	"testing"

	"streamdse/internal/golden"
	"streamdse/internal/onnx"
	"streamdse/unit"
)

// TestPublicTotals compares public models with sums over the definitions of their
// operators: multiplications as elements of the result times elements of the
// kernel (Conv), or times the inner size (Gemm, MatMul); weights as elements of
// the kernels and matrices, and what else is constant, 8 bits each where the model
// has no weight_size.
func TestPublicTotals(t *testing.T) {
	const swiglu = "stream-2026/examples/workload/swiglu_"
	for _, c := range []struct {
		file          string
		layers        int
		macs, weights int64 // weights in bits
	}{
		// 20 convolutions, pool, 8 additions, average, fully connected.
		{"exploration-2023/resnet18", 20 + 1 + 8 + 1 + 1, 1814073344, 8 * 11678912},
		// 52 convolutions, 10 additions, average, fully connected.
		{"exploration-2023/mobilenetv2", 52 + 10 + 1 + 1, 300774272, 8 * 3469760},
		// 5 convolutions, 2 LRN of 2 layers, 3 pools, 3 fully connected, Softmax.
		{"zigzag/workload/alexnet", 5 + 2*2 + 3 + 3 + 4, 654560384, 8 * 60954656},
		// 69 convolutions with a factor and an offset a channel each, 13 pools, fully
		// connected, Softmax. Their channels sum up to 9952.
		{"exploration-2023/inception_v2", 3*69 + 13 + 1 + 4, 2018851840, 8 * (11174080 + 2*9952)},
		// 26 quantised convolutions, 3 pools, average, Softmax.
		{"exploration-2023/squeezenet", 26 + 3 + 1 + 4, 349151936, 8 * 1231552},
		// 8 convolutions, two of which share weights of 12x12x3x3.
		{"exploration-2023/fsrcnn", 8, 8290252800, 8 * (15992 - 12*12*3*3)},
		// 5 products of two computed matrices or of one with the input; two layers for
		// the norm, four for the Softmax.
		{"stream-2024/testing/workload/attention_head", 5 + 2, 668736, 8 * 0},
		{"stream-2026/testing/workload/attention_head", 5 + 4, 14680064, 8 * 0},
		// x*W and x*V of N x D x H, their product, and that with U of N x H x D.
		{swiglu + "64_128_256", 4, 3 * 64 * 128 * 256, 16 * 3 * 128 * 256},
		{swiglu + "256_4096_14336", 4, 3 * 256 * 4096 * 14336, 8 * 3 * 4096 * 14336},
		{swiglu + "4096_4096_14336", 4, 3 * 4096 * 4096 * 14336, 8 * 3 * 4096 * 14336},
		{"stream-2026/aie/workload/swiglu_32_128_256", 3, 2 * 32 * 128 * 256, 8 * 2 * 128 * 256},
		{"stream-2026/aie/workload/gemm_256_8192_2048", 1, 256 * 8192 * 2048, 16 * 8192 * 2048},
		{"stream-2026/testing/workload/2conv_1_8_32_32_16_32_3", 2, 5898240, 8 * 5760},
	} {
		m, err := onnx.ReadFile(golden.Shared(t, "data/"+c.file+".onnx"))
		if err != nil {
			t.Fatal(err)
		}
		w, err := onnx.Workload(m, onnx.Options{FoldActivations: true})
		if err != nil {
			t.Fatal(err)
		}
		got := w.Totals()
		if got.Layers != c.layers || got.MACs != c.macs || got.Weights != unit.Bits(c.weights) {
			t.Errorf("%s: %d layers, %d MACs, %d bits of weights, want %d, %d, %d", c.file, got.Layers, got.MACs, got.Weights, c.layers, c.macs, c.weights)
		}
	}
}
