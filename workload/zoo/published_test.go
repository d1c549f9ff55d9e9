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
