package zoo_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"streamdse/internal/onnx"
	"streamdse/workload/zoo"
)

// published is what is known of a network from elsewhere.
type published struct {
	name string
	// source names who gives the figures.
	source string
	// macs and params are as they are printed there, e.g. "4.089 G" or "11689512"; the
	// network must have what rounds to them.
	macs, params string
	// more is what the source counts as parameters and the network lacks, and why; less
	// what the network has and the source does not count.
	more, less int
	why        string
}

// normalised is how many channels follow the convolutions of a residual network
// with bottlenecks and have a batch normalisation.
func normalised(blocks ...int) int {
	n := 64
	for stage, repeats := range blocks {
		c := 64 << stage
		n += repeats*(c+c+4*c) + 4*c
	}
	return n
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// denseChannels is how many channels of DenseNet-121 pass a normalisation that
// follows a concatenation: before every layer, every transition and the classifier.
func denseChannels() (n int) {
	c := 64
	for _, layers := range []int{6, 12, 24, 16} {
		for range layers {
			n += c
			c += 32
		}
		n += c
		c /= 2
	}
	return n
}

// inceptionChannels is how many channels the convolutions of Inception-v3 have.
func inceptionChannels() int {
	n := 32 + 32 + 64 + 80 + 192
	for _, pool := range []int{32, 64, 64} {
		n += 64 + (48 + 64) + (64 + 96 + 96) + pool
	}
	n += 384 + (64 + 96 + 96)
	for _, c := range []int{128, 160, 160, 192} {
		n += 192 + (2*c + 192) + (4*c + 192) + 192
	}
	n += (192 + 320) + (192 + 192 + 192 + 192)
	return n + 2*(320+(384+2*384)+(448+384+2*384)+192)
}

// uNetLayers are the convolutions of U-Net: rows of their result, channels read,
// channels made, rows of the kernel.
func uNetLayers() [][4]int64 {
	return [][4]int64{
		{570, 1, 64, 3}, {568, 64, 64, 3}, {282, 64, 128, 3}, {280, 128, 128, 3}, {138, 128, 256, 3}, {136, 256, 256, 3},
		{66, 256, 512, 3}, {64, 512, 512, 3}, {30, 512, 1024, 3}, {28, 1024, 1024, 3},
		{54, 1024, 512, 3}, {52, 512, 512, 3}, {102, 512, 256, 3}, {100, 256, 256, 3}, {198, 256, 128, 3}, {196, 128, 128, 3},
		{390, 128, 64, 3}, {388, 64, 64, 3}, {388, 64, 2, 1},
	}
}

// uNetMACs adds the transposed convolutions, which take every element of the smaller
// image to 2x2 of the larger one.
func uNetMACs() (n int64) {
	for _, l := range uNetLayers() {
		n += l[0] * l[0] * l[1] * l[2] * l[3] * l[3]
	}
	for _, up := range [][2]int64{{28, 1024}, {52, 512}, {100, 256}, {196, 128}} {
		n += up[0] * up[0] * up[1] * (up[1] / 2) * 4
	}
	return n
}

func uNetParameters() (n int64) {
	for _, l := range uNetLayers() {
		n += l[1]*l[2]*l[3]*l[3] + l[2]
	}
	for c := int64(1024); c > 64; c /= 2 {
		n += c*(c/2)*4 + c/2
	}
	return n
}

const (
	folded      = "a merged batch normalisation leaves a bias instead of scale and shift: one number a channel less"
	torchvision = "torchvision's documentation, \"Table of all available classification weights\""
	mlperfTiny  = "Banbury et al., \"MLPerf Tiny Benchmark\", 2021, and the summary of its reference model"
	kerasFolded = "the reference keeps a bias and four numbers of batch normalisation a channel, here merged into the bias"
)

func table() []published {
	return []published{
		{"alexnet", torchvision, "0.714 G", "61100840", 0, 0, ""},
		{"vgg16", torchvision, "15.47 G", "138357544", 0, 0, ""},
		{"resnet18", torchvision, "1.814 G", "11689512", 64 + 4*64 + 5*128 + 5*256 + 5*512, 0, folded},
		{"resnet50", torchvision, "4.089 G", "25557032", normalised(3, 4, 6, 3), 0, folded},
		{"resnet101", torchvision, "7.801 G", "44549160", normalised(3, 4, 23, 3), 0, folded},
		{"resnet152", torchvision, "11.514 G", "60192808", normalised(3, 8, 36, 3), 0, folded},
		{"mobilenetv1", "Howard et al., \"MobileNets\", 2017, table 8", "569 M", "4.2 M",
			32 + (32 + 64) + (64 + 128) + (128 + 128) + (128 + 256) + (256 + 256) + (256 + 512) + 5*(512+512) + (512 + 1024) + (1024 + 1024), 0, folded},
		{"mobilenetv2", torchvision, "0.301 G", "3504872", 17056, 0, folded},
		{"mobilenetv3_large", torchvision, "0.217 G", "5483032", 12200, 0, folded},
		{"efficientnet_b0", torchvision, "0.386 G", "5288548", 21008, 0, folded},
		{"tiny_yolov2", "Redmon, YOLOv2 page (6.97 billion operations, two a MAC), and the size of the published tiny-yolo-voc weights, 63471556 bytes with a header of 16", "3.49 G", "15867885",
			3 * (16 + 32 + 64 + 128 + 256 + 512 + 1024 + 1024), 0, "the file holds scale, mean and variance of the merged batch normalisations"},
		{"squeezenet1_1", torchvision, "0.349 G", "1235496", 0, 0, ""},
		{"densenet121", torchvision, "2.834 G", "7978856", 64 + 58*128, 2 * denseChannels(),
			folded + "; one that stays has a mean and a variance too, which are not counted there"},
		{"inception_v3", torchvision, "5.713 G", "27161264",
			inceptionChannels() + (768*128 + 2*128) + (128*768*5*5 + 2*768) + (768*1000 + 1000), 0, folded + "; the auxiliary classifier is left out"},
		{"unet", "Ronneberger et al., \"U-Net\", 2015, figure 1, summed up by hand", count(uNetMACs()), count(uNetParameters()), 0, 0, ""},
		{"vit_b_16", torchvision, "17.564 G", "86567656", 0, 0, ""},
		{"bert_base", "Devlin et al., \"BERT\", 2019 (12 layers of width 768), and Hugging Face's model card of bert-base-uncased; MACs summed up by hand",
			count(12 * (128*12*768*768 + 2*128*128*768)), "109482240", (30522+512+2)*768 + (768*768 + 768), 0, "the embedding tables are looked up outside; the pooler is left out"},
		{"gpt2", "Radford et al., \"GPT-2\", 2019 (12 layers of width 768), and Hugging Face's model card of gpt2; MACs summed up by hand",
			count(12*(1024*12*768*768+2*1024*1024*768) + 1024*768*50257), "124439808", 1024 * 768, 0,
			"the table of positions is looked up outside; that of tokens is the last layer's too and counts once"},
		{"llama_block", "Grattafiori et al., \"The Llama 3 Herd of Models\", 2024, table 3, and Hugging Face's model card of the 8B model; MACs summed up by hand",
			count(512*(2*4096*4096+2*4096*1024+3*4096*14336) + 2*512*512*4096), "8030261248",
			31*(2*4096*4096+2*4096*1024+3*4096*14336+2*4096) + 2*128256*4096 + 4096, 0, "the model has 32 such blocks, two tables of 128256 tokens and a last normalisation"},
		{"swiglu_block", "Grattafiori et al., \"The Llama 3 Herd of Models\", 2024, table 3, and Hugging Face's model card of the 8B model; MACs summed up by hand", count(256 * 3 * 4096 * 14336), "8030261248",
			31*3*4096*14336 + 32*(2*4096*4096+2*4096*1024+2*4096) + 2*128256*4096 + 4096, 0, "a model with 32 of them has attention, normalisations and tables too"},
		{"moe_block", "Jiang et al., \"Mixtral of Experts\", 2024, and Hugging Face's model card of the 8x7B model; MACs summed up by hand",
			count(256*4096*8 + 256*2*3*4096*14336), "46702792704",
			31*(4096*8+8*3*4096*14336) + 32*(2*4096*4096+2*4096*1024+2*4096) + 2*32000*4096 + 4096, 0, "a model with 32 of them has attention, normalisations and two tables of 32000 tokens too"},
		{"mamba_block", "Gu and Dao, \"Mamba\", 2023, and Hugging Face's model card of mamba-130m; MACs summed up by hand",
			count(16 * (3*768*1536 + 4*1536 + 2*48*1536 + 3*16*1536)), "129135360",
			23*(768+3*768*1536+5*1536+1536*(48+2*16)+(48+1)*1536+16*1536+1536) + 50280*768 + 768, 0, "the model has 24 such blocks, a table of 50280 tokens and a last normalisation"},
		{"fsrcnn", "Mei et al., \"DeFiNES\", 2023, table 1 (15.6 KB of weights); MACs: 540x960 pixels times weights", "8290252800", "15992",
			0, 7*0 + (56 + 12*5 + 56 + 16) + (56 + 12*5 + 56), "biases and the slopes of the rectifiers are not counted"},
		{"dmcnn_vd", "Syu et al., 2018: 20 layers of 3x3x64; MACs: 768x1280 pixels times weights", strconv.Itoa(768 * 1280 * 667008), strconv.Itoa(2*3*64*9 + 18*64*64*9),
			0, 19*64 + 3, "biases are not counted"},
		{"mlperf_tiny_ic", mlperfTiny, "12.5 M", "78666", 4 * (3*16 + 2*32 + 2*64), 0, kerasFolded},
		{"mlperf_tiny_vww", mlperfTiny, "7.5 M", "221794", 4 * 2736, 0, kerasFolded},
		{"mlperf_tiny_kws", mlperfTiny, "2.7 M", "24908", 4 * 9 * 64, 0, kerasFolded},
		{"mlperf_tiny_ad", mlperfTiny, "0.264 M", "269992", 4 * (8*128 + 8), 0, kerasFolded},
	}
}

// rounded writes n like the sample: with its unit and as many decimals.
func rounded(n int64, sample string) string {
	number, unit, ok := strings.Cut(sample, " ")
	if !ok {
		return strconv.FormatInt(n, 10)
	}
	scale := map[string]float64{"M": 1e6, "G": 1e9}[unit]
	_, fraction, _ := strings.Cut(number, ".")
	return fmt.Sprintf("%.*f %s", len(fraction), float64(n)/scale, unit)
}

// parametersOf counts the weights of a model.
func parametersOf(m *onnx.Model) (n int64) {
	for _, t := range m.Graph.Initializers {
		if t.Type != onnx.Float32 {
			continue
		}
		size := int64(1)
		for _, d := range t.Dims {
			size *= d
		}
		n += size
	}
	return n
}

func TestPublished(t *testing.T) {
	for _, p := range table() {
		t.Run(p.name, func(t *testing.T) {
			m, err := zoo.Model(p.name)
			if err != nil {
				t.Fatal(err)
			}
			macs := build(t, p.name, onnx.Options{FoldActivations: true}).Totals().MACs
			if got := rounded(macs, p.macs); got != p.macs {
				t.Errorf("%d MACs, published %s (%s)", macs, p.macs, p.source)
			}
			params := parametersOf(m)
			if got := rounded(params+int64(p.more-p.less), p.params); got != p.params {
				t.Errorf("%d parameters, with the %+d explained %s; published %s (%s)", params, p.more-p.less, got, p.params, p.source)
			}
			if (p.more != 0 || p.less != 0) != (p.why != "") {
				t.Error("a difference needs a reason")
			}
		})
	}
	if got := len(table()); got != len(zoo.Names()) {
		t.Errorf("%d of %d networks are compared with published figures", got, len(zoo.Names()))
	}
}
