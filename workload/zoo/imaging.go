package zoo

import "fmt"

// fsrcnn is Dong et al., "Accelerating the Super-Resolution Convolutional Neural
// Network", 2016, with d=56, s=12, m=4. Its last layer, a 9x9 transposed
// convolution of stride 4, is written as studies of dataflow accelerators do: a 3x3
// convolution to the 16 sub-pixels of every pixel.
func fsrcnn(p *parameterSet) func(*builder) {
	image := p.imageOf(540, 960)
	return func(b *builder) {
		x := image.input(b, 1)
		for i, l := range []struct{ channels, kernel int }{{56, 5}, {12, 1}, {12, 3}, {12, 3}, {12, 3}, {12, 3}, {56, 1}} {
			prefix := fmt.Sprintf("/conv%d", i+1)
			x = b.prelu(b.conv(x, prefix+"/Conv", l.channels, centred(l.kernel, l.kernel), 1), prefix+"/PRelu")
		}
		b.output(b.conv(x, "/conv8/Conv", 16, centred(3, 3), 1), "output")
	}
}

// dmcnnVD is the very deep network of Syu et al., "Learning Deep Convolutional
// Networks for Demosaicing", 2018: 20 convolutions that find what is missing in an
// interpolated image.
func dmcnnVD(p *parameterSet) func(*builder) {
	image := p.imageOf(768, 1280)
	return func(b *builder) {
		in := image.input(b, 3)
		x := in
		for i := range 19 {
			prefix := fmt.Sprintf("/conv%d", i+1)
			x = b.node("Selu", prefix+"/Selu", nil, string(b.conv(x, prefix+"/Conv", 64, centred(3, 3), 1)))
		}
		x = b.conv(x, "/conv20/Conv", 3, centred(3, 3), 1)
		b.output(b.add(x, in, "/Add"), "output")
	}
}
