package zoo

import (
	"fmt"

	"streamdse/internal/onnx"
)

// squeezeNet is version 1.1 of Iandola et al., "SqueezeNet: AlexNet-level accuracy
// with 50x fewer parameters", 2016.
func squeezeNet(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		x = b.relu(b.conv(x, "/conv1/Conv", 64, square(3, 2, 0), 1), "/conv1/Relu")
		x = b.maxPool(x, "/pool1/MaxPool", square(3, 2, 0))
		for i, l := range []struct {
			squeeze, expand int
			pool            bool
		}{
			{16, 64, false}, {16, 64, true}, {32, 128, false}, {32, 128, true},
			{48, 192, false}, {48, 192, false}, {64, 256, false}, {64, 256, false},
		} {
			prefix := fmt.Sprintf("/fire%d", i+2)
			s := b.relu(b.conv(x, prefix+"/squeeze/Conv", l.squeeze, square(1, 1, 0), 1), prefix+"/squeeze/Relu")
			one := b.relu(b.conv(s, prefix+"/expand1x1/Conv", l.expand, square(1, 1, 0), 1), prefix+"/expand1x1/Relu")
			three := b.relu(b.conv(s, prefix+"/expand3x3/Conv", l.expand, square(3, 1, 1), 1), prefix+"/expand3x3/Relu")
			x = b.concat(prefix+"/Concat", 1, one, three)
			if l.pool {
				x = b.maxPool(x, prefix+"/MaxPool", square(3, 2, 0))
			}
		}
		x = b.relu(b.conv(x, "/conv10/Conv", 1000, square(1, 1, 0), 1), "/conv10/Relu")
		x = b.globalAveragePool(x, "/avgpool/GlobalAveragePool")
		b.output(b.flatten(x, "/Flatten"), "output")
	}
}

// denseNet121 is Huang et al., "Densely Connected Convolutional Networks", 2017,
// with 32 new channels a layer. A normalisation that follows a concatenation has no
// convolution to go into and stays.
func denseNet121(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		const growth = 32
		x := image.input(b, 3)
		x = b.relu(b.conv(x, "/conv0/Conv", 2*growth, square(7, 2, 3), 1), "/conv0/Relu")
		x = b.maxPool(x, "/pool0/MaxPool", square(3, 2, 1))
		normalised := func(x value, prefix string) value {
			return b.relu(b.batchNorm(x, prefix+"/BatchNormalization"), prefix+"/Relu")
		}
		for block, layers := range []int{6, 12, 24, 16} {
			if block > 0 {
				prefix := fmt.Sprintf("/transition%d", block)
				x = b.unbiased(normalised(x, prefix+"/norm"), prefix+"/Conv", b.size(x, 1)/2, square(1, 1, 0))
				x = b.averagePool(x, prefix+"/AveragePool", square(2, 2, 0))
			}
			for i := range layers {
				prefix := fmt.Sprintf("/block%d/layer%d", block+1, i+1)
				y := b.conv(normalised(x, prefix+"/norm1"), prefix+"/conv1/Conv", 4*growth, square(1, 1, 0), 1)
				y = b.unbiased(b.relu(y, prefix+"/conv1/Relu"), prefix+"/conv2/Conv", growth, square(3, 1, 1))
				x = b.concat(prefix+"/Concat", 1, x, y)
			}
		}
		b.classify(normalised(x, "/norm5"), 1000)
	}
}

// inceptionV3 is Szegedy et al., "Rethinking the Inception Architecture for Computer
// Vision", 2016, without the auxiliary classifier, which only training uses.
func inceptionV3(p *parameterSet) func(*builder) {
	image := p.image(299)
	return func(b *builder) {
		x := image.input(b, 3)
		c := func(x value, name string, channels int, w window) value {
			return b.relu(b.conv(x, name+"/Conv", channels, w, 1), name+"/Relu")
		}
		one, three, halving := square(1, 1, 0), square(3, 1, 1), square(3, 2, 0)
		row, column := centred(1, 7), centred(7, 1)
		pooled := func(x value, prefix string, channels int) value {
			return c(b.averagePool(x, prefix+"/pool/AveragePool", three), prefix+"/pool", channels, one)
		}

		x = c(x, "/stem1", 32, halving)
		x = c(x, "/stem2", 32, square(3, 1, 0))
		x = c(x, "/stem3", 64, three)
		x = b.maxPool(x, "/stem3/MaxPool", halving)
		x = c(x, "/stem4", 80, one)
		x = c(x, "/stem5", 192, square(3, 1, 0))
		x = b.maxPool(x, "/stem5/MaxPool", halving)
		for i, pool := range []int{32, 64, 64} { // on 35x35
			m := fmt.Sprintf("/mixed%d", i)
			five := c(c(x, m+"/5x5/1", 48, one), m+"/5x5/2", 64, square(5, 1, 2))
			double := c(c(c(x, m+"/double/1", 64, one), m+"/double/2", 96, three), m+"/double/3", 96, three)
			x = b.concat(m+"/Concat", 1, c(x, m+"/1x1", 64, one), five, double, pooled(x, m, pool))
		}
		double := c(c(c(x, "/mixed3/double/1", 64, one), "/mixed3/double/2", 96, three), "/mixed3/double/3", 96, halving)
		x = b.concat("/mixed3/Concat", 1, c(x, "/mixed3/3x3", 384, halving), double, b.maxPool(x, "/mixed3/MaxPool", halving))
		for i, n := range []int{128, 160, 160, 192} { // on 17x17
			m := fmt.Sprintf("/mixed%d", 4+i)
			seven := c(c(c(x, m+"/7x7/1", n, one), m+"/7x7/2", n, row), m+"/7x7/3", 192, column)
			double := c(c(c(x, m+"/double/1", n, one), m+"/double/2", n, column), m+"/double/3", n, row)
			double = c(c(double, m+"/double/4", n, column), m+"/double/5", 192, row)
			x = b.concat(m+"/Concat", 1, c(x, m+"/1x1", 192, one), seven, double, pooled(x, m, 192))
		}
		small := c(c(x, "/mixed8/3x3/1", 192, one), "/mixed8/3x3/2", 320, halving)
		seven := c(c(c(x, "/mixed8/7x7/1", 192, one), "/mixed8/7x7/2", 192, row), "/mixed8/7x7/3", 192, column)
		x = b.concat("/mixed8/Concat", 1, small, c(seven, "/mixed8/7x7/4", 192, halving), b.maxPool(x, "/mixed8/MaxPool", halving))
		for i := range 2 { // on 8x8
			m := fmt.Sprintf("/mixed%d", 9+i)
			both := func(x value, name string) value {
				return b.concat(name+"/Concat", 1, c(x, name+"/1x3", 384, centred(1, 3)), c(x, name+"/3x1", 384, centred(3, 1)))
			}
			single := both(c(x, m+"/3x3", 384, one), m+"/3x3")
			double := both(c(c(x, m+"/double/1", 448, one), m+"/double/2", 384, three), m+"/double")
			x = b.concat(m+"/Concat", 1, c(x, m+"/1x1", 320, one), single, double, pooled(x, m, 192))
		}
		b.classify(x, 1000)
	}
}

// uNet is Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
// Segmentation", 2015: convolutions without padding, so that what crosses over to the
// way up is cropped, and two classes.
func uNet(p *parameterSet) func(*builder) {
	image := p.image(572)
	return func(b *builder) {
		double := func(x value, prefix string, channels int) value {
			for i := 1; i <= 2; i++ {
				x = b.relu(b.conv(x, fmt.Sprintf("%s/conv%d/Conv", prefix, i), channels, square(3, 1, 0), 1), fmt.Sprintf("%s/conv%d/Relu", prefix, i))
			}
			return x
		}
		x := image.input(b, 1)
		var across []value
		for level := range 4 {
			prefix := fmt.Sprintf("/down%d", level)
			x = double(x, prefix, 64<<level)
			across = append(across, x)
			x = b.maxPool(x, prefix+"/MaxPool", square(2, 2, 0))
		}
		x = double(x, "/bottom", 1024)
		for level := 3; level >= 0; level-- {
			prefix := fmt.Sprintf("/up%d", level)
			x = b.convTranspose(x, prefix+"/ConvTranspose", 64<<level, square(2, 2, 0))
			cropped := across[level]
			for axis := 2; axis <= 3; axis++ {
				size := b.size(x, axis)
				begin := (b.size(cropped, axis) - size) / 2
				cropped = b.slice(cropped, fmt.Sprintf("%s/crop%d/Slice", prefix, axis-1), axis, begin, begin+size)
			}
			x = double(b.concat(prefix+"/Concat", 1, cropped, x), prefix, 64<<level)
		}
		b.output(b.conv(x, "/classes/Conv", 2, square(1, 1, 0), 1), "output")
	}
}

// batchNorm is a normalisation with the statistics of training.
func (b *builder) batchNorm(x value, name string) value {
	inputs := []string{string(x)}
	for _, part := range []string{"weight", "bias", "running_mean", "running_var"} {
		inputs = append(inputs, b.parameter(parameters(name)+"."+part, b.size(x, 1)))
	}
	return b.node("BatchNormalization", name, nil, inputs...)
}

// convTranspose is a transposed convolution with bias.
func (b *builder) convTranspose(x value, name string, channels int, w window) value {
	params := parameters(name)
	weight := b.parameter(params+".weight", b.size(x, 1), channels, w.kernel[0], w.kernel[1])
	bias := b.parameter(params+".bias", channels)
	return b.node("ConvTranspose", name, w.convAttributes(1), string(x), weight, bias)
}

// slice takes positions begin up to end of an axis.
func (b *builder) slice(x value, name string, axis, begin, end int) value {
	return b.node("Slice", name, nil, string(x),
		b.integers(name+"/starts", begin), b.integers(name+"/ends", end), b.integers(name+"/axes", axis))
}

// integers is a stored list of numbers.
func (b *builder) integers(name string, list ...int) string {
	t := onnx.Tensor{Name: name, Type: onnx.Int64, Dims: []int64{int64(len(list))}, Ints: wide(list)}
	b.graph.Initializers = append(b.graph.Initializers, t)
	b.shapes.Constant(t)
	return name
}
