package zoo

import "fmt"

// The four networks of the MLPerf Tiny benchmark (Banbury et al., 2021) as its
// reference implementation trains them.

// resNet8 classifies the images of CIFAR-10.
func resNet8(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "images at a time")
	return func(b *builder) {
		x := b.input("input", *batch, 3, 32, 32)
		x = b.relu(b.conv(x, "/conv0/Conv", 16, centred(3, 3), 1), "/conv0/Relu")
		for i := range 3 {
			prefix, channels, stride := fmt.Sprintf("/stack%d", i+1), 16<<i, min(i+1, 2)
			y := b.relu(b.conv(x, prefix+"/conv1/Conv", channels, b.same(x, 3, 3, stride), 1), prefix+"/conv1/Relu")
			y = b.conv(y, prefix+"/conv2/Conv", channels, centred(3, 3), 1)
			if stride > 1 {
				x = b.conv(x, prefix+"/shortcut/Conv", channels, b.same(x, 1, 1, stride), 1)
			}
			x = b.relu(b.add(x, y, prefix+"/Add"), prefix+"/Relu")
		}
		b.classify(x, 10)
	}
}

// visualWakeWords tells whether there is a person in a picture.
func visualWakeWords(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "images at a time")
	return func(b *builder) {
		b.classify(separable(b, b.input("input", *batch, 3, 96, 96), 8), 2)
	}
}

// keywordSpotting hears one of twelve words in a spectrogram of 49 time steps with 10
// coefficients.
func keywordSpotting(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "utterances at a time")
	return func(b *builder) {
		x := b.input("input", *batch, 1, 49, 10)
		x = b.relu(b.conv(x, "/conv0/Conv", 64, b.same(x, 10, 4, 2), 1), "/conv0/Relu")
		for i := range 4 {
			prefix := fmt.Sprintf("/conv%d", i+1)
			x = b.relu(b.depthwise(x, prefix+"/depthwise/Conv", centred(3, 3)), prefix+"/depthwise/Relu")
			x = b.relu(b.conv(x, prefix+"/pointwise/Conv", 64, square(1, 1, 0), 1), prefix+"/pointwise/Relu")
		}
		b.classify(x, 12)
	}
}

// autoencoder reproduces what it has learnt to be the sound of a machine: five
// frames of 128 mel bands.
func autoencoder(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "windows at a time")
	return func(b *builder) {
		x := b.input("input", *batch, 640)
		for i, features := range []int{128, 128, 128, 128, 8, 128, 128, 128, 128} {
			prefix := fmt.Sprintf("/dense%d", i+1)
			x = b.relu(b.linear(x, prefix+"/Gemm", features), prefix+"/Relu")
		}
		b.output(b.linear(x, "/dense10/Gemm", 640), "output")
	}
}
