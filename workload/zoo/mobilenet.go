package zoo

import "fmt"

// mobileNetV1 is Howard et al., "MobileNets: Efficient Convolutional Neural
// Networks for Mobile Vision Applications", 2017.
func mobileNetV1(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		b.classify(separable(b, image.input(b, 3), 32), 1000)
	}
}

// separable is the body of MobileNetV1: a 3x3 convolution to the given number of
// channels and 13 pairs of a depthwise and a pointwise convolution.
func separable(b *builder, x value, width int) value {
	x = b.relu(b.conv(x, "/conv0/Conv", width, b.same(x, 3, 3, 2), 1), "/conv0/Relu")
	for i, l := range []struct{ wider, stride int }{
		{2, 1}, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {2, 2}, {1, 1},
	} {
		prefix := fmt.Sprintf("/conv%d", i+1)
		width *= l.wider
		x = b.relu(b.depthwise(x, prefix+"/depthwise/Conv", b.same(x, 3, 3, l.stride)), prefix+"/depthwise/Relu")
		x = b.relu(b.conv(x, prefix+"/pointwise/Conv", width, square(1, 1, 0), 1), prefix+"/pointwise/Relu")
	}
	return x
}

// mobileNetV2 is Sandler et al., "MobileNetV2: Inverted Residuals and Linear
// Bottlenecks", 2018.
func mobileNetV2(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		x = b.relu6(b.conv(x, "/stem/Conv", 32, square(3, 2, 1), 1), "/stem/Clip")
		x = stages(b, x, []stage{
			{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3}, {6, 32, 3, 2, 3}, {6, 64, 4, 2, 3}, {6, 96, 3, 1, 3}, {6, 160, 3, 2, 3}, {6, 320, 1, 1, 3},
		}, func(int) inverted { return inverted{activation: (*builder).relu6} })
		x = b.relu6(b.conv(x, "/head/Conv", 1280, square(1, 1, 0), 1), "/head/Clip")
		b.classify(x, 1000)
	}
}

// mobileNetV3 is the large network of Howard et al., "Searching for MobileNetV3", 2019.
func mobileNetV3(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		x = b.hardSwish(b.conv(x, "/stem/Conv", 16, square(3, 2, 1), 1), "/stem/HardSwish")
		relu, swish := (*builder).relu, (*builder).hardSwish
		for i, l := range []struct {
			kernel, expanded, channels int
			squeeze                    bool
			activation                 activation
			stride                     int
		}{
			{3, 16, 16, false, relu, 1},
			{3, 64, 24, false, relu, 2}, {3, 72, 24, false, relu, 1},
			{5, 72, 40, true, relu, 2}, {5, 120, 40, true, relu, 1}, {5, 120, 40, true, relu, 1},
			{3, 240, 80, false, swish, 2}, {3, 200, 80, false, swish, 1}, {3, 184, 80, false, swish, 1}, {3, 184, 80, false, swish, 1},
			{3, 480, 112, true, swish, 1}, {3, 672, 112, true, swish, 1},
			{5, 672, 160, true, swish, 2}, {5, 960, 160, true, swish, 1}, {5, 960, 160, true, swish, 1},
		} {
			block := inverted{expanded: l.expanded, channels: l.channels, kernel: l.kernel, stride: l.stride, activation: l.activation}
			if l.squeeze {
				block.squeezed, block.inner, block.gate = multipleOf8(l.expanded/4), relu, (*builder).hardSigmoid
			}
			x = block.add(b, x, fmt.Sprintf("/block%d", i+1))
		}
		x = b.hardSwish(b.conv(x, "/head/Conv", 960, square(1, 1, 0), 1), "/head/HardSwish")
		x = b.flatten(b.globalAveragePool(x, "/avgpool/GlobalAveragePool"), "/Flatten")
		x = b.hardSwish(b.linear(x, "/hidden/Gemm", 1280), "/hidden/HardSwish")
		b.output(b.linear(x, "/fc/Gemm", 1000), "output")
	}
}

// multipleOf8 rounds a number of channels to the nearest multiple of 8, but by no
// more than a tenth down: the rule of the MobileNets.
func multipleOf8(channels int) int {
	n := max(8, (channels+4)/8*8)
	if 10*n < 9*channels {
		n += 8
	}
	return n
}

// efficientNetB0 is the baseline of Tan and Le, "EfficientNet: Rethinking Model
// Scaling for Convolutional Neural Networks", 2019.
func efficientNetB0(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		x = b.silu(b.conv(x, "/stem/Conv", 32, square(3, 2, 1), 1), "/stem")
		x = stages(b, x, []stage{
			{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3}, {6, 40, 2, 2, 5}, {6, 80, 3, 2, 3}, {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5}, {6, 320, 1, 1, 3},
		}, func(in int) inverted {
			return inverted{activation: (*builder).silu, squeezed: max(1, in/4), inner: (*builder).silu, gate: (*builder).sigmoid}
		})
		x = b.silu(b.conv(x, "/head/Conv", 1280, square(1, 1, 0), 1), "/head")
		b.classify(x, 1000)
	}
}

// stage is a number of inverted residual blocks, of which the first one has the stride.
type stage struct{ expansion, channels, repeats, stride, kernel int }

// stages adds the blocks of all stages; block makes one for so many channels of its
// input, but for the sizes.
func stages(b *builder, x value, list []stage, block func(in int) inverted) value {
	blocks := 0
	for _, s := range list {
		for i := range s.repeats {
			in := b.size(x, 1)
			l := block(in)
			l.expanded, l.channels, l.kernel, l.stride = s.expansion*in, s.channels, s.kernel, 1
			if i == 0 {
				l.stride = s.stride
			}
			blocks++
			x = l.add(b, x, fmt.Sprintf("/block%d", blocks))
		}
	}
	return x
}

// activation adds an element-wise function; name begins those of its nodes.
type activation func(b *builder, x value, name string) value

// inverted is an inverted residual block: a 1x1 convolution that widens, a
// depthwise convolution, and a 1x1 convolution without activation that narrows,
// added to the block's input where the shapes agree.
type inverted struct {
	expanded, channels int
	kernel, stride     int
	activation         activation
	// squeezed is the number of neurons of a squeeze-and-excitation, which scales each
	// channel by what it holds on average; 0 for none.
	squeezed    int
	inner, gate activation
}

func (l inverted) add(b *builder, x value, prefix string) value {
	y := x
	if l.expanded != b.size(x, 1) {
		y = l.activation(b, b.conv(y, prefix+"/expand/Conv", l.expanded, square(1, 1, 0), 1), prefix+"/expand/act")
	}
	y = l.activation(b, b.depthwise(y, prefix+"/depthwise/Conv", square(l.kernel, l.stride, l.kernel/2)), prefix+"/depthwise/act")
	if l.squeezed > 0 {
		s := b.globalAveragePool(y, prefix+"/se/GlobalAveragePool")
		s = l.inner(b, b.conv(s, prefix+"/se/reduce/Conv", l.squeezed, square(1, 1, 0), 1), prefix+"/se/reduce/act")
		s = l.gate(b, b.conv(s, prefix+"/se/expand/Conv", l.expanded, square(1, 1, 0), 1), prefix+"/se/expand/act")
		y = b.mul(s, y, prefix+"/se/Mul")
	}
	y = b.conv(y, prefix+"/project/Conv", l.channels, square(1, 1, 0), 1)
	if l.stride == 1 && l.channels == b.size(x, 1) {
		y = b.add(x, y, prefix+"/Add")
	}
	return y
}
