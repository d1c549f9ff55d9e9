package zoo

import "fmt"

// resNet18 is the residual network of 18 weighted layers (He et al., "Deep
// Residual Learning for Image Recognition", 2016). Node names are those of
// PyTorch's export of torchvision's model.
func resNet18(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) { resNet(b, image, basicBlock, [4]int{2, 2, 2, 2}) }
}

// bottleneckResNet is one of the deeper networks of the same paper, with the given
// number of bottleneck blocks a stage, the stride in the 3x3 convolution as
// torchvision has it.
func bottleneckResNet(blocks ...int) func(*parameterSet) func(*builder) {
	return func(p *parameterSet) func(*builder) {
		image := p.image(224)
		return func(b *builder) { resNet(b, image, bottleneck, [4]int(blocks)) }
	}
}

// residual is a block of a residual network; channels are those of its 3x3
// convolution.
type residual func(b *builder, x value, prefix string, channels, stride int) value

func resNet(b *builder, image image, block residual, blocks [4]int) {
	x := image.input(b, 3)
	x = b.conv(x, "/conv1/Conv", 64, square(7, 2, 3), 1)
	x = b.relu(x, "/relu/Relu")
	x = b.maxPool(x, "/maxpool/MaxPool", square(3, 2, 1))
	for stage, n := range blocks {
		for i := range n {
			stride := 1
			if stage > 0 && i == 0 {
				stride = 2
			}
			prefix := fmt.Sprintf("/layer%d/layer%d.%d", stage+1, stage+1, i)
			x = block(b, x, prefix, 64<<stage, stride)
		}
	}
	b.classify(x, 1000)
}

// basicBlock adds two 3x3 convolutions to their input; where the shape changes,
// the input passes a 1x1 convolution.
func basicBlock(b *builder, x value, prefix string, channels, stride int) value {
	y := b.conv(x, prefix+"/conv1/Conv", channels, square(3, stride, 1), 1)
	y = b.relu(y, prefix+"/relu/Relu")
	y = b.conv(y, prefix+"/conv2/Conv", channels, square(3, 1, 1), 1)
	x = shortcut(b, x, prefix, channels, stride)
	y = b.add(y, x, prefix+"/Add")
	return b.relu(y, prefix+"/relu_1/Relu")
}

// bottleneck is a 3x3 convolution between two 1x1 convolutions, the second of
// which has four times the channels.
func bottleneck(b *builder, x value, prefix string, channels, stride int) value {
	y := b.conv(x, prefix+"/conv1/Conv", channels, square(1, 1, 0), 1)
	y = b.relu(y, prefix+"/relu/Relu")
	y = b.conv(y, prefix+"/conv2/Conv", channels, square(3, stride, 1), 1)
	y = b.relu(y, prefix+"/relu_1/Relu")
	y = b.conv(y, prefix+"/conv3/Conv", 4*channels, square(1, 1, 0), 1)
	x = shortcut(b, x, prefix, 4*channels, stride)
	y = b.add(y, x, prefix+"/Add")
	return b.relu(y, prefix+"/relu_2/Relu")
}

// shortcut brings a block's input to the shape of its result.
func shortcut(b *builder, x value, prefix string, channels, stride int) value {
	if stride == 1 && b.size(x, 1) == channels {
		return x
	}
	return b.conv(x, prefix+"/downsample/downsample.0/Conv", channels, square(1, stride, 0), 1)
}
