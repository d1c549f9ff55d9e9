package onnx

import (
	"fmt"
	"slices"
)

// window is the sliding window of a convolution or pooling over spatial axes,
// outermost (height) first.
type window struct {
	kernel, stride, dilation []int64
	before, after            []int64 // padding that a window may cover
	out                      []int64 // positions
}

// slide computes the window of a node over the given spatial sizes. An empty
// kernel means that the attribute kernel_shape must say it.
func (n *Node) slide(spatial, kernel []int64) (w window, err error) {
	rank := len(spatial)
	w.kernel = n.Ints("kernel_shape", kernel)
	if kernel != nil && !slices.Equal(w.kernel, kernel) {
		return w, fmt.Errorf("kernel_shape is %s, the weights have %s", shapeString(w.kernel), shapeString(kernel))
	}
	ones, zeros := make([]int64, rank), make([]int64, 2*rank)
	for i := range ones {
		ones[i] = 1
	}
	w.stride, w.dilation = n.Ints("strides", ones), n.Ints("dilations", ones)
	pads := slices.Clone(n.Ints("pads", zeros))
	for _, list := range []struct {
		name   string
		values []int64
		length int
		least  int64
	}{
		{"kernel_shape", w.kernel, rank, 1}, {"strides", w.stride, rank, 1},
		{"dilations", w.dilation, rank, 1}, {"pads", pads, 2 * rank, 0},
	} {
		if len(list.values) != list.length {
			return w, fmt.Errorf("%s has %d values, %d are needed", list.name, len(list.values), list.length)
		}
		for _, v := range list.values {
			if v < list.least || v > maxDim {
				return w, fmt.Errorf("%s is %v; values are at least %d", list.name, list.values, list.least)
			}
		}
	}
	auto := n.Str("auto_pad", "NOTSET")
	ceil := n.Int("ceil_mode", 0) != 0
	w.before, w.after, w.out = pads[:rank:rank], pads[rank:], make([]int64, rank)
	for i, size := range spatial {
		reach := (w.kernel[i]-1)*w.dilation[i] + 1 // extent of one window
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.before[i], w.after[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			out := (size + w.stride[i] - 1) / w.stride[i]
			total := max(0, (out-1)*w.stride[i]+reach-size)
			w.before[i], w.after[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.before[i], w.after[i] = w.after[i], w.before[i]
			}
		default:
			return w, fmt.Errorf("auto_pad %q is unknown", auto)
		}
		room := size + w.before[i] + w.after[i] - reach
		if room < 0 {
			return w, fmt.Errorf("a window of %d (kernel %d, dilation %d) does not fit into %d with padding %d and %d",
				reach, w.kernel[i], w.dilation[i], size, w.before[i], w.after[i])
		}
		w.out[i] = room/w.stride[i] + 1
		if ceil {
			// Round up, but the last window must begin in the tensor or before it.
			w.out[i] = (room+w.stride[i]-1)/w.stride[i] + 1
			if (w.out[i]-1)*w.stride[i] >= size+w.before[i] {
				w.out[i]--
			}
			w.after[i] = max(w.after[i], (w.out[i]-1)*w.stride[i]+reach-size-w.before[i])
		}
	}
	return w, nil
}

// convWindow is the window of a Conv over its input x with weights k.
func (c *call) convWindow() (window, error) {
	x, k := c.in[0].shape, c.in[1].shape
	if len(x) < 3 || len(k) != len(x) {
		return window{}, fmt.Errorf("its input %s and weights %s do not make a convolution", shapeString(x), shapeString(k))
	}
	return c.slide(x[2:], k[2:])
}

func inferConv(c *call) ([]tensor, error) {
	w, err := c.convWindow()
	if err != nil {
		return nil, err
	}
	x, k, group := c.in[0].shape, c.in[1].shape, c.Int("group", 1)
	switch {
	case group < 1 || group > x[1] || x[1] != k[1]*group:
		return nil, fmt.Errorf("its input has %d channels, its weights take %d in each of %d groups", x[1], k[1], group)
	case k[0]%group != 0:
		return nil, fmt.Errorf("its %d output channels do not divide into %d groups", k[0], group)
	}
	if b := c.input(2); !b.absent && !slices.Equal(b.shape, k[:1]) {
		return nil, fmt.Errorf("its bias has shape %s, its output %d channels", shapeString(b.shape), k[0])
	}
	return one(append([]int64{x[0], k[0]}, w.out...)...), nil
}

// poolWindow is the window of a pooling; a global one covers everything.
func (c *call) poolWindow() (window, error) {
	x := c.in[0].shape
	if len(x) < 3 {
		return window{}, fmt.Errorf("its input %s has no spatial dimensions", shapeString(x))
	}
	if c.OpType == "GlobalAveragePool" || c.OpType == "GlobalMaxPool" {
		return (&Node{}).slide(x[2:], x[2:])
	}
	return c.slide(x[2:], nil)
}

func inferPool(c *call) ([]tensor, error) {
	w, err := c.poolWindow()
	if err != nil {
		return nil, err
	}
	out := one(append(slices.Clone(c.in[0].shape[:2]), w.out...)...)
	if len(c.Outputs) > 1 { // indices of the maxima
		out = append(out, tensor{known: true, typ: Int64, shape: out[0].shape})
	}
	return out, nil
}
