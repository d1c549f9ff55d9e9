package zoo

import (
	"fmt"
	"math"

	"streamdse/internal/onnx"
)

// attention describes the heads of an attention over a sequence.
type attention struct {
	heads, groups int // heads of the queries; of keys and values, which queries share
	size          int // of a head
	biased        bool
	// rotate, if set, adds positions to queries and keys, of shape batch, heads, sequence, size.
	rotate func(x value, name string) value
	// extend, if set, prepends what is remembered of earlier positions.
	extend func(x value, kind string) value
	// mask, if set, is added to the scores, of shape batch, heads, queries, keys.
	mask value
}

// add computes softmax(q k / sqrt(size) + mask) v for every head and mixes the heads.
// Where several queries share a key, they are the rows of one matrix product.
func (a attention) add(b *builder, x value, prefix string) value {
	batch, seq, hidden := b.size(x, 0), b.size(x, 1), b.size(x, 2)
	split := func(kind string, heads int) value {
		y := b.dense(x, prefix+"/"+kind, heads*a.size, a.biased)
		y = b.reshape(y, prefix+"/"+kind+"/Reshape", batch, seq, heads, a.size)
		return b.transpose(y, prefix+"/"+kind+"/Transpose", 0, 2, 1, 3)
	}
	q, k, v := split("query", a.heads), split("key", a.groups), split("value", a.groups)
	if a.rotate != nil {
		q, k = a.rotate(q, prefix+"/query/rotary"), a.rotate(k, prefix+"/key/rotary")
	}
	if a.extend != nil {
		k, v = a.extend(k, "key"), a.extend(v, "value")
	}
	context := b.size(k, 2)
	shared := a.heads > a.groups
	if shared {
		q = b.reshape(q, prefix+"/query/Reshape_1", batch, a.groups, a.heads/a.groups*seq, a.size)
	}
	scores := b.matMul(q, b.transpose(k, prefix+"/key/Transpose_1", 0, 1, 3, 2), prefix+"/scores/MatMul")
	scores = b.node("Mul", prefix+"/scores/Mul", nil, string(scores), b.scalar(prefix+"/scores/scale", float32(1/math.Sqrt(float64(a.size)))))
	if a.mask != "" {
		if shared {
			scores = b.reshape(scores, prefix+"/scores/Reshape", batch, a.heads, seq, context)
		}
		scores = b.add(scores, a.mask, prefix+"/scores/Add")
		if shared {
			scores = b.reshape(scores, prefix+"/scores/Reshape_1", batch, a.groups, a.heads/a.groups*seq, context)
		}
	}
	weights := b.softmax(scores, prefix+"/Softmax")
	y := b.matMul(weights, v, prefix+"/context/MatMul")
	if shared {
		y = b.reshape(y, prefix+"/context/Reshape", batch, a.heads, seq, a.size)
	}
	y = b.transpose(y, prefix+"/context/Transpose", 0, 2, 1, 3)
	y = b.reshape(y, prefix+"/context/Reshape_1", batch, seq, a.heads*a.size)
	return b.dense(y, prefix+"/output", hidden, a.biased)
}

// visionTransformer is ViT-B/16 of Dosovitskiy et al., "An Image is Worth 16x16 Words",
// 2021, with torchvision's classifier of one layer.
func visionTransformer(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "images at a time")
	gelu := p.gelu(false)
	return func(b *builder) {
		gelu.prepare(b)
		const hidden, patches = 768, 14 * 14
		x := b.input("input", *batch, 3, 224, 224)
		x = b.conv(x, "/patches/Conv", hidden, square(16, 16, 0), 1)
		x = b.reshape(x, "/patches/Reshape", *batch, hidden, patches)
		x = b.transpose(x, "/patches/Transpose", 0, 2, 1)
		class := value(b.parameter("class_token", 1, 1, hidden))
		if *batch > 1 {
			class = b.node("Expand", "/class/Expand", nil, string(class), b.integers("/class/Expand/shape", *batch, 1, hidden))
		}
		x = b.concat("/Concat", 1, class, x)
		x = b.node("Add", "/position/Add", nil, string(x), b.parameter("position", 1, patches+1, hidden))
		for i := range 12 {
			x = preNorm(b, x, fmt.Sprintf("/layer%d", i), attention{heads: 12, groups: 12, size: 64, biased: true}, gelu)
		}
		x = b.layerNorm(x, "/norm/LayerNormalization")
		x = b.reshape(b.slice(x, "/Slice", 1, 0, 1), "/Reshape", *batch, hidden)
		b.output(b.linear(x, "/head/Gemm", 1000), "output")
	}
}

// preNorm is a transformer layer with normalisations before attention and hidden layer.
func preNorm(b *builder, x value, prefix string, a attention, g gelu) value {
	y := a.add(b, b.layerNorm(x, prefix+"/norm1/LayerNormalization"), prefix+"/attention")
	x = b.add(x, y, prefix+"/Add")
	y = feedForward(b, b.layerNorm(x, prefix+"/norm2/LayerNormalization"), prefix+"/mlp", g)
	return b.add(x, y, prefix+"/Add_1")
}

// feedForward is a hidden layer of four times the width.
func feedForward(b *builder, x value, prefix string, g gelu) value {
	hidden := b.size(x, 2)
	x = b.dense(x, prefix+"/up", 4*hidden, true)
	return b.dense(g.add(b, x, prefix+"/gelu"), prefix+"/down", hidden, true)
}

// gelu is how x*Phi(x) is written, where Phi is the normal distribution's: as
// exporters to older opsets do, by the error function or its approximation by the
// hyperbolic tangent, or as one operator.
type gelu struct {
	written     *string
	approximate bool
}

// gelu declares the way of writing.
func (p *parameterSet) gelu(approximate bool) gelu {
	function := "erf"
	if approximate {
		function = "tanh"
	}
	return gelu{p.choice("gelu", fmt.Sprintf("element-wise operators, or one Gelu of opset %d", geluOpset), function, "operator"), approximate}
}

func (g gelu) oneOperator() bool { return *g.written == "operator" }

// prepare takes the opset that the operator needs.
func (g gelu) prepare(b *builder) {
	if g.oneOperator() {
		b.raise(geluOpset)
	}
}

func (g gelu) add(b *builder, x value, prefix string) value {
	times := func(x value, name string, c float64) value {
		return b.node("Mul", prefix+"/"+name, nil, string(x), b.scalar(prefix+"/"+name+"/c", float32(c)))
	}
	var y value
	switch {
	case g.oneOperator():
		approximate := "none"
		if g.approximate {
			approximate = "tanh"
		}
		return b.node("Gelu", prefix+"/Gelu", []onnx.Attribute{{Name: "approximate", Type: onnx.AttributeString, String: approximate}}, string(x))
	case g.approximate: // sqrt(2/pi) (x + 0.044715 x^3)
		y = times(b.mul(b.mul(x, x, prefix+"/square"), x, prefix+"/cube"), "cubic", 0.044715)
		y = times(b.add(x, y, prefix+"/polynomial"), "argument", math.Sqrt(2/math.Pi))
		y = b.node("Tanh", prefix+"/Tanh", nil, string(y))
	default:
		y = b.node("Erf", prefix+"/Erf", nil, string(times(x, "argument", 1/math.Sqrt2)))
	}
	y = b.node("Add", prefix+"/Add", nil, string(y), b.scalar(prefix+"/one", 1))
	return times(b.mul(x, y, prefix+"/Mul"), "half", 0.5)
}

// bert is the encoder of BERT-base (Devlin et al., "BERT", 2019). Its input is the sum of
// the embeddings, which are looked up and not computed; all positions count, so that there
// is no mask.
func bert(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "sequences at a time")
	seq := p.number("seq", 128, 1, "tokens of a sequence")
	gelu := p.gelu(false)
	return func(b *builder) {
		gelu.prepare(b)
		x := b.input("embeddings", *batch, *seq, 768)
		x = b.layerNorm(x, "/embeddings/LayerNormalization")
		for i := range 12 {
			prefix := fmt.Sprintf("/layer%d", i)
			y := attention{heads: 12, groups: 12, size: 64, biased: true}.add(b, x, prefix+"/attention")
			x = b.layerNorm(b.add(x, y, prefix+"/Add"), prefix+"/norm1/LayerNormalization")
			y = feedForward(b, x, prefix+"/mlp", gelu)
			x = b.layerNorm(b.add(x, y, prefix+"/Add_1"), prefix+"/norm2/LayerNormalization")
		}
		b.output(x, "last_hidden_state")
	}
}

// gpt2 is the smallest model of Radford et al., "Language Models are Unsupervised
// Multitask Learners", 2019. Its inputs are the sum of the embeddings and the causal mask.
func gpt2(p *parameterSet) func(*builder) {
	batch := p.number("batch", 1, 1, "sequences at a time")
	seq := p.number("seq", 1024, 1, "tokens of a sequence")
	gelu := p.gelu(true)
	return func(b *builder) {
		gelu.prepare(b)
		const hidden, vocabulary = 768, 50257
		x := b.input("embeddings", *batch, *seq, hidden)
		mask := b.input("causal_mask", 1, 1, *seq, *seq)
		for i := range 12 {
			x = preNorm(b, x, fmt.Sprintf("/layer%d", i), attention{heads: 12, groups: 12, size: 64, biased: true, mask: mask}, gelu)
		}
		x = b.layerNorm(x, "/norm/LayerNormalization")
		b.output(b.dense(x, "/head", vocabulary, false), "logits")
	}
}

// dense multiplies the last axis by a weight matrix; name is that of the module.
func (b *builder) dense(x value, name string, features int, biased bool) value {
	params := parameters(name + "/MatMul")
	last := len(b.shapes.Of(string(x))) - 1
	weight := b.parameter(params+".weight", b.size(x, max(0, last)), features)
	x = b.node("MatMul", name+"/MatMul", nil, string(x), weight)
	if biased {
		x = b.node("Add", name+"/Add", nil, string(x), b.parameter(params+".bias", features))
	}
	return x
}

func (b *builder) matMul(x, y value, name string) value {
	return b.node("MatMul", name, nil, string(x), string(y))
}

func (b *builder) softmax(x value, name string) value {
	return b.node("Softmax", name, []onnx.Attribute{integer("axis", -1)}, string(x))
}

// layerNorm normalises the last axis.
func (b *builder) layerNorm(x value, name string) value {
	params := parameters(name)
	size := b.size(x, max(0, len(b.shapes.Of(string(x)))-1))
	return b.node("LayerNormalization", name, []onnx.Attribute{integer("axis", -1)}, string(x),
		b.parameter(params+".weight", size), b.parameter(params+".bias", size))
}

func (b *builder) reshape(x value, name string, shape ...int) value {
	return b.node("Reshape", name, nil, string(x), b.integers(name+"/shape", shape...))
}

func (b *builder) transpose(x value, name string, perm ...int) value {
	return b.node("Transpose", name, []onnx.Attribute{ints("perm", wide(perm)...)}, string(x))
}
