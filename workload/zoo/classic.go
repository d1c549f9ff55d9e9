package zoo

import "fmt"

// alexNet is the single-tower AlexNet of torchvision (Krizhevsky, "One weird trick
// for parallelizing convolutional neural networks", 2014), without the local
// response normalisation of the first version.
func alexNet(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		for i, l := range []struct {
			channels int
			window   window
			pool     bool
		}{
			{64, square(11, 4, 2), true},
			{192, square(5, 1, 2), true},
			{384, square(3, 1, 1), false},
			{256, square(3, 1, 1), false},
			{256, square(3, 1, 1), true},
		} {
			prefix := fmt.Sprintf("/conv%d", i+1)
			x = b.relu(b.conv(x, prefix+"/Conv", l.channels, l.window, 1), prefix+"/Relu")
			if l.pool {
				x = b.maxPool(x, prefix+"/MaxPool", square(3, 2, 0))
			}
		}
		b.output(hiddenLayers(b, x), "output")
	}
}

// vgg16 is configuration D of Simonyan and Zisserman, "Very Deep Convolutional
// Networks for Large-Scale Image Recognition", 2015.
func vgg16(p *parameterSet) func(*builder) {
	image := p.image(224)
	return func(b *builder) {
		x := image.input(b, 3)
		for stage, depth := range []int{2, 2, 3, 3, 3} {
			for i := range depth {
				prefix := fmt.Sprintf("/conv%d_%d", stage+1, i+1)
				x = b.relu(b.conv(x, prefix+"/Conv", min(64<<stage, 512), square(3, 1, 1), 1), prefix+"/Relu")
			}
			x = b.maxPool(x, fmt.Sprintf("/pool%d/MaxPool", stage+1), square(2, 2, 0))
		}
		b.output(hiddenLayers(b, x), "output")
	}
}

// hiddenLayers ends a network with two hidden layers of 4096 neurons and 1000 classes.
func hiddenLayers(b *builder, x value) value {
	x = b.flatten(x, "/Flatten")
	x = b.relu(b.linear(x, "/fc6/Gemm", 4096), "/fc6/Relu")
	x = b.relu(b.linear(x, "/fc7/Gemm", 4096), "/fc7/Relu")
	return b.linear(x, "/fc8/Gemm", 1000)
}

// tinyYOLOv2 is the small detector of Redmon and Farhadi, "YOLO9000: Better,
// Faster, Stronger", 2017, trained on the 20 classes of Pascal VOC: five boxes a cell,
// each with 25 numbers.
func tinyYOLOv2(p *parameterSet) func(*builder) {
	image := p.image(416)
	return func(b *builder) {
		x := image.input(b, 3)
		for i, channels := range []int{16, 32, 64, 128, 256, 512, 1024, 1024} {
			prefix := fmt.Sprintf("/conv%d", i+1)
			x = b.leakyRelu(b.conv(x, prefix+"/Conv", channels, square(3, 1, 1), 1), prefix+"/LeakyRelu")
			switch {
			case i < 5:
				x = b.maxPool(x, prefix+"/MaxPool", square(2, 2, 0))
			case i == 5:
				x = b.maxPool(x, prefix+"/MaxPool", b.same(x, 2, 2, 1))
			}
		}
		b.output(b.conv(x, "/conv9/Conv", 5*(20+5), square(1, 1, 0), 1), "output")
	}
}
