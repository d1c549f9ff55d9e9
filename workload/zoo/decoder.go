package zoo

import (
	"fmt"

	"streamdse/internal/onnx"
)

// modes of a decoder: a whole prompt at once, or one token after those remembered.
const (
	prefill = "prefill"
	decode  = "decode"
)

// llamaBlock is one decoder block of LLaMA 3 (Grattafiori et al., "The Llama 3 Herd of
// Models", 2024) with the sizes of its model of 8 billion parameters: root-mean-square
// normalisations, rotary positions, grouped queries, a SwiGLU. In decode it computes one
// token and reads keys and values of seq earlier ones.
func llamaBlock(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "sequences at a time")
	hidden := p.number("hidden", 4096, 1, "width of the model")
	heads := p.number("heads", 32, 1, "heads of the queries")
	groups := p.number("kv_heads", 8, 1, "heads of keys and values")
	ffn := p.number("ffn", 14336, 1, "width of the hidden layer")
	seq := p.number("seq", 512, 1, "tokens of the prompt, or in the cache")
	mode := p.choice("mode", "a whole prompt, or one token with a cache", prefill, decode)
	return func(b *builder) {
		b.divides("heads", *heads, "hidden", *hidden)
		b.divides("kv_heads", *groups, "heads", *heads)
		size := *hidden / max(1, *heads)
		b.require(size%2 == 0, "a head has %d elements, which rotary positions take in pairs", size)
		tokens := *seq
		if *mode == decode {
			tokens = 1
		}
		x := b.input("hidden_states", *batch, tokens, *hidden)
		cos, sin := b.input("cos", 1, 1, tokens, size), b.input("sin", 1, 1, tokens, size)
		a := attention{heads: *heads, groups: *groups, size: size}
		a.rotate = func(x value, name string) value { return b.rotary(x, cos, sin, name) }
		if *mode == prefill {
			a.mask = b.input("causal_mask", 1, 1, tokens, tokens)
		} else {
			past := map[string]value{}
			for _, kind := range []string{"key", "value"} {
				past[kind] = b.input("past_"+kind, *batch, *groups, *seq, size)
			}
			a.extend = func(x value, kind string) value {
				x = b.concat("/attention/"+kind+"/Concat", 2, past[kind], x)
				return b.output(x, "present_"+kind)
			}
		}
		y := a.add(b, b.rmsNorm(x, "/norm1"), "/attention")
		x = b.add(x, y, "/Add")
		y = swiGLU(b, b.rmsNorm(x, "/norm2"), "/mlp", *ffn)
		b.output(b.add(x, y, "/Add_1"), "output")
	}
}

// swiGLUBlock is the hidden layer of LLaMA by itself.
func swiGLUBlock(p *parameterSet) func(*builder) {
	hidden := p.number("hidden", 4096, 1, "width of the model")
	ffn := p.number("ffn", 14336, 1, "width of the hidden layer")
	seq := p.number("seq", 256, 1, "tokens")
	return func(b *builder) {
		b.output(swiGLU(b, b.input("input", *seq, *hidden), "/mlp", *ffn), "output")
	}
}

// swiGLU is Shazeer, "GLU Variants Improve Transformer", 2020: a hidden layer whose
// neurons are scaled by others, (silu(x gate) * (x up)) down.
func swiGLU(b *builder, x value, prefix string, ffn int) value {
	hidden := b.size(x, max(0, len(b.shapes.Of(string(x)))-1))
	gate := b.silu(b.dense(x, prefix+"/gate", ffn, false), prefix+"/gate")
	y := b.mul(gate, b.dense(x, prefix+"/up", ffn, false), prefix+"/Mul")
	return b.dense(y, prefix+"/down", hidden, false)
}

// mixtureOfExperts is the feed-forward layer of Mixtral (Jiang et al., "Mixtral of
// Experts", 2024): a router sends every token to a few of the experts and weighs what they
// give. Which expert a token goes to depends on data; here the load is even and tokens are
// dealt out in turns. Experts that get no token are left out.
func mixtureOfExperts(p *parameterSet) func(*builder) {
	hidden := p.number("hidden", 4096, 1, "width of the model")
	ffn := p.number("ffn", 14336, 1, "width of an expert's hidden layer")
	experts := p.number("experts", 8, 1, "experts")
	top := p.number("top", 2, 1, "experts that a token goes to")
	seq := p.number("seq", 256, 1, "tokens")
	return func(b *builder) {
		b.require(*top <= *experts, "parameter top (%d) is larger than experts (%d)", *top, *experts)
		b.require(*experts <= 1024, "%d experts are more than 1024", *experts)
		if b.err != nil {
			return
		}
		x := b.input("input", *seq, *hidden)
		weights := b.softmax(b.dense(x, "/router", *experts, false), "/router/Softmax")

		copies := make([]value, *top)
		for i := range copies {
			copies[i] = x
		}
		dealt := x
		if *top > 1 {
			dealt = b.concat("/deal/Concat", 0, copies...)
		}
		rows := *top * *seq
		var results []value
		for e := range min(*experts, rows) {
			begin, end := e*rows / *experts, (e+1)*rows / *experts
			if rows < *experts {
				begin, end = e, e+1
			}
			prefix := fmt.Sprintf("/expert%d", e)
			results = append(results, swiGLU(b, b.slice(dealt, prefix+"/Slice", 0, begin, end), prefix, *ffn))
		}
		y := results[0]
		if len(results) > 1 {
			y = b.concat("/gather/Concat", 0, results...)
		}
		var sum value
		for i := range *top {
			prefix := fmt.Sprintf("/choice%d", i)
			part := b.slice(y, prefix+"/Slice", 0, i**seq, (i+1)**seq)
			part = b.mul(part, b.slice(weights, prefix+"/weight/Slice", 1, i, i+1), prefix+"/Mul")
			if i > 0 {
				part = b.add(sum, part, prefix+"/Add")
			}
			sum = part
		}
		b.output(sum, "output")
	}
}

// mambaBlock is one block of Mamba (Gu and Dao, "Mamba: Linear-Time Sequence Modeling
// with Selective State Spaces", 2023) with the sizes of its model of 130 million
// parameters. The recurrence over a prompt is written out token by token, as it must run.
func mambaBlock(p *parameterSet) func(*builder) {
	hidden := p.number("hidden", 768, 1, "width of the model")
	expand := p.number("expand", 2, 1, "width of the block, in widths of the model")
	states := p.number("state", 16, 1, "state variables of a channel")
	kernel := p.number("kernel", 4, 1, "taps of the convolution over time")
	seq := p.number("seq", 16, 1, "tokens of the prompt")
	mode := p.choice("mode", "a whole prompt, or one token with a remembered state", prefill, decode)
	return func(b *builder) {
		const most = 1024
		b.require(*mode == decode || *seq <= most, "a recurrence over %d tokens is longer than %d, the most that is written out", *seq, most)
		if b.err != nil {
			return
		}
		tokens, channels, rank := *seq, *expand**hidden, (*hidden+15)/16
		if *mode == decode {
			tokens = 1
		}
		in := b.input("hidden_states", 1, tokens, *hidden)
		x := b.rmsNorm(in, "/norm")
		z := b.silu(b.dense(x, "/in_z", channels, false), "/in_z")
		x = b.dense(x, "/in_x", channels, false)

		x = b.silu(b.overTime(x, *kernel, *mode), "/conv")

		// Step sizes, input and output weights follow from the input: that is the selection.
		delta := b.dense(b.dense(x, "/delta_low", rank, false), "/delta", channels, true)
		delta = b.node("Softplus", "/delta/Softplus", nil, string(delta))
		inputWeights, outputWeights := b.dense(x, "/input", *states, false), b.dense(x, "/output", *states, false)
		column := func(v value, name string) value {
			return b.reshape(v, name+"/Reshape", 1, tokens, b.size(v, 2), 1)
		}
		decay := b.node("Mul", "/decay/Mul", nil, string(column(delta, "/decay")), b.parameter("A", channels, *states))
		decay = b.node("Exp", "/decay/Exp", nil, string(decay))
		scaled := column(b.mul(delta, x, "/scaled/Mul"), "/scaled")
		update := b.mul(scaled, b.reshape(inputWeights, "/update/Reshape", 1, tokens, 1, *states), "/update/Mul")

		var state value
		if *mode == decode {
			state = b.input("past_state", 1, 1, channels, *states)
		}
		all := b.recurrence(state, decay, update, tokens)
		if *mode == decode {
			all = b.output(all, "state")
		}
		y := b.matMul(all, column(outputWeights, "/read"), "/read/MatMul")
		y = b.reshape(y, "/read/Reshape_1", 1, tokens, channels)
		direct := b.node("Mul", "/direct/Mul", nil, string(x), b.parameter("D", channels))
		y = b.mul(b.add(y, direct, "/direct/Add"), z, "/gate/Mul")
		y = b.dense(y, "/out", *hidden, false)
		b.output(b.add(in, y, "/Add"), "output")
	}
}

// overTime is a causal convolution of every channel over time. In decode it reads the
// earlier inputs that it needs.
func (b *builder) overTime(x value, kernel int, mode string) value {
	channels := b.size(x, 2)
	x = b.transpose(x, "/conv/Transpose", 0, 2, 1)
	pads := ints("pads", int64(kernel-1), 0)
	if mode == decode {
		pads = ints("pads", 0, 0)
		if kernel > 1 {
			x = b.concat("/conv/Concat", 2, b.input("past_inputs", 1, channels, kernel-1), x)
		}
	}
	x = b.node("Conv", "/conv/Conv", []onnx.Attribute{ints("dilations", 1), integer("group", int64(channels)), ints("kernel_shape", int64(kernel)), pads, ints("strides", 1)},
		string(x), b.parameter("conv.weight", channels, 1, kernel), b.parameter("conv.bias", channels))
	return b.transpose(x, "/conv/Transpose_1", 0, 2, 1)
}

// recurrence is every state of state = decay * state + update, one after another. state
// is the one before the first; empty for zeros.
func (b *builder) recurrence(state, decay, update value, tokens int) value {
	var history []value
	for t := range tokens {
		prefix := fmt.Sprintf("/step%d", t)
		at := func(v value, name string) value {
			if tokens == 1 {
				return v
			}
			return b.slice(v, prefix+"/"+name+"/Slice", 1, t, t+1)
		}
		next := at(update, "update")
		if state != "" {
			next = b.add(b.mul(at(decay, "decay"), state, prefix+"/Mul"), next, prefix+"/Add")
		}
		state = next
		history = append(history, state)
	}
	if tokens == 1 {
		return state
	}
	return b.concat("/states/Concat", 1, history...)
}

// rmsNorm divides the last axis by its root mean square.
func (b *builder) rmsNorm(x value, prefix string) value {
	size := b.size(x, max(0, len(b.shapes.Of(string(x)))-1))
	mean := b.node("ReduceMean", prefix+"/ReduceMean", []onnx.Attribute{ints("axes", -1), integer("keepdims", 1)}, string(b.mul(x, x, prefix+"/Mul")))
	mean = b.node("Add", prefix+"/Add", nil, string(mean), b.scalar(prefix+"/epsilon", 1e-5))
	root := b.node("Sqrt", prefix+"/Sqrt", nil, string(mean))
	y := b.node("Div", prefix+"/Div", nil, string(x), string(root))
	return b.node("Mul", prefix+"/Mul_1", nil, string(y), b.parameter(parameters(prefix+"/Mul")+".weight", size))
}

// rotary turns pairs of elements, one in each half of a head, by the angles whose
// cosines and sines are given.
func (b *builder) rotary(x, cos, sin value, prefix string) value {
	size := b.size(x, 3)
	low := b.slice(x, prefix+"/low/Slice", 3, 0, size/2)
	high := b.slice(x, prefix+"/high/Slice", 3, size/2, size)
	turned := b.concat(prefix+"/Concat", 3, b.node("Neg", prefix+"/Neg", nil, string(high)), low)
	return b.add(b.mul(x, cos, prefix+"/Mul"), b.mul(turned, sin, prefix+"/Mul_1"), prefix+"/Add")
}
