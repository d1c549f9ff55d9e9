package zoo

import "fmt"

// resNet18 is the residual network of 18 weighted layers for 224x224 images (He
// et al., "Deep Residual Learning for Image Recognition", 2016), with batch
// normalisation merged into the convolutions. Node names are those of PyTorch's
// export of torchvision's model.
func resNet18(b *builder) {
	x := b.input("input", 1, 3, 224, 224)
	x = b.conv(x, "/conv1/Conv", 64, window{7, 2, 3}, 1)
	x = b.relu(x, "/relu/Relu")
	x = b.maxPool(x, "/maxpool/MaxPool", window{3, 2, 1})
	for stage := 1; stage <= 4; stage++ {
		for block := range 2 {
			stride := 1
			if stage > 1 && block == 0 {
				stride = 2
			}
			prefix := fmt.Sprintf("/layer%d/layer%d.%d", stage, stage, block)
			x = basicBlock(b, x, prefix, 32<<stage, stride)
		}
	}
	x = b.globalAveragePool(x, "/avgpool/GlobalAveragePool")
	x = b.flatten(x, "/Flatten")
	x = b.linear(x, "/fc/Gemm", 1000)
	b.output(x, "output")
}

// basicBlock adds two 3x3 convolutions to their input; where the shape changes,
// the input passes a 1x1 convolution.
func basicBlock(b *builder, x value, prefix string, channels, stride int) value {
	y := b.conv(x, prefix+"/conv1/Conv", channels, window{3, stride, 1}, 1)
	y = b.relu(y, prefix+"/relu/Relu")
	y = b.conv(y, prefix+"/conv2/Conv", channels, window{3, 1, 1}, 1)
	if stride != 1 || b.size(x, 1) != channels {
		x = b.conv(x, prefix+"/downsample/downsample.0/Conv", channels, window{1, stride, 0}, 1)
	}
	y = b.add(y, x, prefix+"/Add")
	return b.relu(y, prefix+"/relu_1/Relu")
}
