package onnx_test

// exports are models as well-known exporters write them: shapes computed in the
// graph, dimensions left open, weights generated, axes in the exporter's order.
var exports = []kindOfModel{
	{name: "ShuffleNet V2 unit: Split, depthwise, Concat, shuffle by computed shapes", model: `
		opset 11
		input x batch_sizex8x8x8
		a, b = Split(x) axis=1 split=4,4
		init w1 4x4x1x1
		b1 = Conv(b, w1)
		init g 4
		b2 = BatchNormalization(b1, g, g, g, g)
		b3 = Relu(b2)
		init w2 4x1x3x3
		b4 = Conv(b3, w2) group=4 pads=1,1,1,1
		b5 = BatchNormalization(b4, g, g, g, g)
		init w3 4x4x1x1
		b6 = Conv(b5, w3)
		b7 = Relu(b6)
		c = Concat(a, b7) axis=1
		s = Shape(c)
		zero = Constant() value_int=0
		two = Constant() value_int=2
		three = Constant() value_int=3
		n = Gather(s, zero) axis=0
		h = Gather(s, two) axis=0
		wd = Gather(s, three) axis=0
		n1 = Unsqueeze(n) axes=0,
		h1 = Unsqueeze(h) axes=0,
		v1 = Unsqueeze(wd) axes=0,
		g2 = Constant() value_ints=2,
		c4 = Constant() value_ints=4,
		c8 = Constant() value_ints=8,
		to5 = Concat(n1, g2, c4, h1, v1) axis=0
		r = Reshape(c, to5)
		t = Transpose(r) perm=0,2,1,3,4
		to4 = Concat(n1, c8, h1, v1) axis=0
		y0 = Reshape(t, to4)
		init w4 8x4x1x1
		y = Conv(y0, w4) group=2
		output y`, macs: 64 * (16 + 36 + 16 + 32), weights: 16 + 36 + 16 + 32},
	{name: "GoogLeNet: initializers among the inputs, LRN, ceil mode, Dropout, opset 7", model: `
		opset 7
		input data 1x3x15x15
		input cw 8x3x3x3
		init cw 8x3x3x3
		init cb 8
		c = Conv(data, cw, cb) kernel_shape=3,3 pads=1,1,1,1
		r = Relu(c)
		p = MaxPool(r) kernel_shape=3,3 strides=2,2 pads=0,0,1,1
		n = LRN(p) size=5 alpha=0.0001 beta=0.75
		init a1 4x8x1x1
		b1 = Conv(n, a1)
		init a2 4x8x1x1
		b2 = Conv(n, a2)
		init a3 6x4x3x3
		b3 = Conv(b2, a3) pads=1,1,1,1
		b4 = MaxPool(n) kernel_shape=3,3 pads=1,1,1,1
		init a5 2x8x1x1
		b5 = Conv(b4, a5)
		i = Concat(b1, b3, b5) axis=1
		q = AveragePool(i) kernel_shape=7,7
		d, mask = Dropout(q) ratio=0.4
		init to [1,12]
		f = Reshape(d, to)
		init fw 10x12
		init fb 10
		o = Gemm(f, fw, fb) transB=1 broadcast=1
		y = Softmax(o)
		output y`, macs: 225*8*27 + 49*(32+32+6*36+16) + 120, weights: 8*27 + 32 + 32 + 6*36 + 16 + 120},
	{name: "TensorFlow Lite: Transpose around everything, depthwise weights rearranged, relu6 and hard swish by hand, bilinear Resize", model: `
		input in unk__7x9x9x3
		t0 = Transpose(in) perm=0,3,1,2
		init w0 6x3x3x3
		init b0 6
		c0 = Conv(t0, w0, b0) strides=2,2 pads=0,0,1,1
		lo = Constant() value_float=0.0
		hi = Constant() value_float=6.0
		r0 = Clip(c0, lo, hi)
		t1 = Transpose(r0) perm=0,2,3,1
		pads = Constant() value_ints=0,1,1,0,0,1,1,0
		pd = Pad(t1, pads)
		t2 = Transpose(pd) perm=0,3,1,2
		init dw 3x3x6x1
		dwt = Transpose(dw) perm=2,3,0,1
		c1 = Conv(t2, dwt) group=6
		t3 = Transpose(c1) perm=0,2,3,1
		three = Constant() value_float=3.0
		six = Constant() value_float=6.0
		h0 = Add(t3, three)
		h1 = Clip(h0, lo, hi)
		h2 = Mul(t3, h1)
		h3 = Div(h2, six)
		t4 = Transpose(h3) perm=0,3,1,2
		init pw 1x1x6x5
		pwt = Transpose(pw) perm=3,2,0,1
		c2 = Conv(t4, pwt)
		sz = Constant() value_ints=1,5,8,8
		rs = Resize(c2, , , sz) mode=linear coordinate_transformation_mode=half_pixel
		t5 = Transpose(rs) perm=0,2,3,1
		mean = ReduceMean(t5) axes=1,2 keepdims=1
		to = Constant() value_ints=-1,5
		sq = Reshape(mean, to)
		init fc 5x7
		y = MatMul(sq, fc)
		output y`, macs: 4*4*6*27 + 16*6*9 + 16*30 + 35, weights: 6*27 + 54 + 30 + 35 + 2},
	{name: "BERT: dynamic batch and sequence, tables, mask by Unsqueeze and Sub, LayerNorm and GELU in pieces", model: `
		input ids:int64 batchxsequence
		input mask:int64 batchxsequence
		init table 50x8
		init places 16x8
		s = Shape(ids)
		one = Constant() value_int=1
		len = Gather(s, one)
		ax0 = Constant() value_ints=0,
		len1 = Unsqueeze(len, ax0)
		init all:int64 1x16
		p0 = Constant() value_ints=0,
		p1 = Constant() value_ints=1,
		pos = Slice(all, p0, len1, p1, p1)
		e0 = Gather(table, ids)
		e1 = Gather(places, pos)
		e = Add(e0, e1)
		m0 = ReduceMean(e) axes=-1, keepdims=1
		d0 = Sub(e, m0)
		two = Constant() value_float=2.0
		q0 = Pow(d0, two)
		v0 = ReduceMean(q0) axes=-1, keepdims=1
		eps = Constant() value_float=1e-12
		v1 = Add(v0, eps)
		v2 = Sqrt(v1)
		n0 = Div(d0, v2)
		init gamma 8
		n1 = Mul(n0, gamma)
		n2 = Add(n1, gamma)
		um = Unsqueeze(mask, p1)
		a2 = Constant() value_ints=2,
		um2 = Unsqueeze(um, a2)
		fm = Cast(um2) to=1
		uno = Constant() value_float=1.0
		inv = Sub(uno, fm)
		big = Constant() value_float=-10000.0
		add = Mul(inv, big)
		init wq 8x8
		init wk 8x8
		init wv 8x8
		init wo 8x8
		init bias 8
		q1 = MatMul(n2, wq)
		q2 = Add(bias, q1)
		k1 = MatMul(n2, wk)
		k2 = Add(bias, k1)
		vv1 = MatMul(n2, wv)
		vv2 = Add(bias, vv1)
		sq = Shape(q2)
		zero = Constant() value_int=0
		bb = Gather(sq, zero)
		ss = Gather(sq, one)
		ub = Unsqueeze(bb, ax0)
		us = Unsqueeze(ss, ax0)
		hh = Constant() value_ints=2,
		hd = Constant() value_ints=4,
		to = Concat(ub, us, hh, hd) axis=0
		q3 = Reshape(q2, to)
		k3 = Reshape(k2, to)
		v3 = Reshape(vv2, to)
		q4 = Transpose(q3) perm=0,2,1,3
		k4 = Transpose(k3) perm=0,2,3,1
		v4 = Transpose(v3) perm=0,2,1,3
		sc = MatMul(q4, k4)
		root = Constant() value_float=2.0
		sd = Div(sc, root)
		sm = Add(sd, add)
		pr = Softmax(sm) axis=-1
		ct = MatMul(pr, v4)
		c2 = Transpose(ct) perm=0,2,1,3
		wide = Constant() value_ints=8,
		back = Concat(ub, us, wide) axis=0
		c3 = Reshape(c2, back)
		o1 = MatMul(c3, wo)
		o2 = Add(o1, n2)
		init wi 8x16
		f1 = MatMul(o2, wi)
		sqrt2 = Constant() value_float=1.41
		f2 = Div(f1, sqrt2)
		f3 = Erf(f2)
		f4 = Add(f3, uno)
		f5 = Mul(f1, f4)
		half = Constant() value_float=0.5
		f6 = Mul(f5, half)
		init wd 16x8
		y = MatMul(f6, wd)
		output y`, dims: map[string]int64{"batch": 2, "sequence": 6},
		macs:    2*6*(4*64+2*128) + 2*2*2*6*6*4,
		weights: 2*6*8 + 6*8 + 4*64 + 2*128 + 8 + 8 + 7}, // rows that are looked up, matrices, bias and gamma once, scalars
	{name: "GPT-2: past of length 0, causal mask sliced from a table, Split, Gemm on flattened rows, present", model: `
		input ids:int64 batchxsequence
		input past 2xbatchx2xpast_sequence_lengthx4
		i0 = Constant() value_int=0
		i1 = Constant() value_int=1
		im2 = Constant() value_int=-2
		a0 = Constant() value_ints=0,
		a1 = Constant() value_ints=1,
		pk0 = Gather(past, i0) axis=0
		pv0 = Gather(past, i1) axis=0
		ps = Shape(pk0)
		pl = Gather(ps, im2)
		sh = Shape(ids)
		sl = Gather(sh, i1)
		end = Add(pl, sl)
		range = Range(pl, end, i1)
		pos = Unsqueeze(range, a0)
		init wte 40x8
		init wpe 32x8
		e0 = Gather(wte, ids)
		e1 = Gather(wpe, pos)
		h0 = Add(e0, e1)
		init g 8
		n = LayerNormalization(h0, g, g)
		flat = Constant() value_ints=-1,8
		x2 = Reshape(n, flat)
		init cw 8x24
		init cb 24
		qkv2 = Gemm(x2, cw, cb)
		hs = Shape(h0)
		z1 = Constant() value_ints=0,
		e2 = Constant() value_ints=2,
		lead = Slice(hs, z1, e2)
		w24 = Constant() value_ints=24,
		to3 = Concat(lead, w24) axis=0
		qkv = Reshape(qkv2, to3)
		sizes = Constant() value_ints=8,8,8
		q, k, v = Split(qkv, sizes) axis=2
		hd = Constant() value_ints=2,4
		to4 = Concat(lead, hd) axis=0
		q4 = Reshape(q, to4)
		k4 = Reshape(k, to4)
		v4 = Reshape(v, to4)
		qt = Transpose(q4) perm=0,2,1,3
		kt = Transpose(k4) perm=0,2,1,3
		vt = Transpose(v4) perm=0,2,1,3
		kc = Concat(pk0, kt) axis=-2
		vc = Concat(pv0, vt) axis=-2
		uk = Unsqueeze(kc, a0)
		uv = Unsqueeze(vc, a0)
		present = Concat(uk, uv) axis=0
		kT = Transpose(kc) perm=0,1,3,2
		sc = MatMul(qt, kT)
		ssh = Shape(sc)
		nsA = Constant() value_ints=-1,
		m1 = Constant() value_ints=2147483647,
		nk = Slice(ssh, nsA, m1)
		b2 = Constant() value_ints=-2,
		nq = Slice(ssh, b2, nsA)
		diff = Sub(nk, nq)
		init tri:bool 1x1x32x32
		ax2 = Constant() value_ints=2,
		ax3 = Constant() value_ints=3,
		mrow = Slice(tri, diff, nk, ax2, a1)
		mask = Slice(mrow, z1, nk, ax3, a1)
		low = Constant() value_float=-10000.0
		ms = Where(mask, sc, low)
		pr = Softmax(ms) axis=-1
		ct = MatMul(pr, vc)
		c2 = Transpose(ct) perm=0,2,1,3
		w8 = Constant() value_ints=8,
		back = Concat(lead, w8) axis=0
		c3 = Reshape(c2, back)
		y = Add(c3, h0)
		output y
		output present`, dims: map[string]int64{"batch": 1, "sequence": 5, "past_sequence_length": 0},
		macs:    5*8*24 + 2*2*5*5*4,
		weights: 5*8 + 5*8 + 2*8 + 8*24 + 25}, // rows looked up, factors and offsets, the matrix, the mask
	{name: "T5: buckets of relative positions by Range, Less, Log, Min and Where, cut out of the network", model: `
		input x 1xseqx8
		s = Shape(x)
		i0 = Constant() value_int=0
		i1 = Constant() value_int=1
		n = Gather(s, i1)
		r = Range(i0, n, i1)
		a0 = Constant() value_ints=0,
		a1 = Constant() value_ints=1,
		row = Unsqueeze(r, a0)
		col = Unsqueeze(r, a1)
		d = Sub(row, col)
		neg = Greater(d, i0)
		cst = Cast(neg) to=7
		four = Constant() value_int=4
		off = Mul(cst, four)
		ab = Abs(d)
		two = Constant() value_int=2
		small = Less(ab, two)
		f = Cast(ab) to=1
		half = Constant() value_float=2.0
		lg0 = Div(f, half)
		lg = Log(lg0)
		li = Cast(lg) to=7
		cap0 = Shape(li)
		three = Constant() value_int=3
		cap = ConstantOfShape(cap0)
		cap3 = Add(cap, three)
		mn = Min(li, cap3)
		w = Where(small, ab, mn)
		b = Add(off, w)
		init table 8x2
		e = Gather(table, b)
		t = Transpose(e) perm=2,0,1
		bias = Unsqueeze(t, a0)
		init wq 8x8
		q = MatMul(x, wq)
		to = Constant() value_ints=0,-1,2,4
		qh = Reshape(q, to)
		q1 = Transpose(qh) perm=0,2,1,3
		k1 = Transpose(qh) perm=0,2,3,1
		sc = MatMul(q1, k1)
		sb = Add(sc, bias)
		y = Softmax(sb) axis=-1
		output y`, dims: map[string]int64{"seq": 6}, macs: 6*64 + 2*36*4, weights: 64 + 72},
	{name: "Swin: padding, roll by Slice and Concat, windows by Reshape and Transpose, mask, roll back", model: `
		input x 1x7x7x8
		pads = Constant() value_ints=0,0,0,0,0,1,1,0
		p = Pad(x, pads)
		f2 = Constant() value_ints=2,
		f0 = Constant() value_ints=0,
		big = Constant() value_ints=9223372036854775807,
		a1 = Constant() value_ints=1,
		a2 = Constant() value_ints=2,
		t1 = Slice(p, f2, big, a1)
		t2 = Slice(p, f0, f2, a1)
		r1 = Concat(t1, t2) axis=1
		t3 = Slice(r1, f2, big, a2)
		t4 = Slice(r1, f0, f2, a2)
		r2 = Concat(t3, t4) axis=2
		to6 = Constant() value_ints=1,2,4,2,4,8
		w6 = Reshape(r2, to6)
		wt = Transpose(w6) perm=0,1,3,2,4,5
		to3 = Constant() value_ints=4,16,8
		w3 = Reshape(wt, to3)
		init wq 8x24
		qkv = MatMul(w3, wq)
		to5 = Constant() value_ints=4,16,3,2,4
		q5 = Reshape(qkv, to5)
		qp = Transpose(q5) perm=2,0,3,1,4
		i0 = Constant() value_int=0
		i1 = Constant() value_int=1
		i2 = Constant() value_int=2
		q = Gather(qp, i0)
		k = Gather(qp, i1)
		v = Gather(qp, i2)
		kt = Transpose(k) perm=0,1,3,2
		sc = MatMul(q, kt)
		init mask 4x1x16x16
		sm = Add(sc, mask)
		pr = Softmax(sm) axis=-1
		ct = MatMul(pr, v)
		c1 = Transpose(ct) perm=0,2,1,3
		c2 = Reshape(c1, to3)
		b6 = Constant() value_ints=1,2,2,4,4,8
		u6 = Reshape(c2, b6)
		ut = Transpose(u6) perm=0,1,3,2,4,5
		to4 = Constant() value_ints=1,8,8,8
		u4 = Reshape(ut, to4)
		m2 = Constant() value_ints=-2,
		z1 = Slice(u4, m2, big, a1)
		z2 = Slice(u4, f0, m2, a1)
		zr = Concat(z1, z2) axis=1
		f7 = Constant() value_ints=7,
		s1 = Slice(zr, f0, f7, a1)
		s2 = Slice(s1, f0, f7, a2)
		y = Add(s2, x)
		output y`, macs: 64*8*24 + 2*4*2*16*16*4, weights: 8*24 + 4*256},
	{name: "YOLO: Resize by computed sizes, SPP, Sigmoid, grid, ScatterND", model: `
		input x 1x3x16x16
		init w0 8x3x3x3
		c0 = Conv(x, w0) strides=2,2 pads=1,1,1,1
		s0 = Sigmoid(c0)
		m0 = Mul(c0, s0)
		init w1 8x8x3x3
		c1 = Conv(m0, w1) strides=2,2 pads=1,1,1,1
		p1 = MaxPool(c1) kernel_shape=5,5 pads=2,2,2,2
		p2 = MaxPool(p1) kernel_shape=5,5 pads=2,2,2,2
		spp = Concat(c1, p1, p2) axis=1
		sh = Shape(m0)
		b2 = Constant() value_ints=2,
		b4 = Constant() value_ints=4,
		hw = Slice(sh, b2, b4)
		sp = Shape(spp)
		b0 = Constant() value_ints=0,
		nc = Slice(sp, b0, b2)
		sizes = Concat(nc, hw) axis=0
		up = Resize(spp, , , sizes) mode=nearest coordinate_transformation_mode=asymmetric nearest_mode=floor
		cat = Concat(up, m0) axis=1
		init w2 18x32x1x1
		d = Conv(cat, w2)
		to = Constant() value_ints=1,3,6,8,8
		d5 = Reshape(d, to)
		dt = Transpose(d5) perm=0,1,3,4,2
		sg = Sigmoid(dt)
		xy, wh, cf = Split(sg) axis=4 split=2,2,2
		two = Constant() value_float=2.0
		xy2 = Mul(xy, two)
		init grid 1x3x8x8x2
		xyg = Add(xy2, grid)
		wh2 = Mul(wh, two)
		whp = Pow(wh2, two)
		init anchor 1x3x1x1x2
		wha = Mul(whp, anchor)
		all = Concat(xyg, wha, cf) axis=-1
		flat = Constant() value_ints=1,-1,6
		y = Reshape(all, flat)
		output y`, opset: 11, macs: 64*8*27 + 16*8*72 + 64*18*32, weights: 8*27 + 8*72 + 18*32 + 384 + 6 + 1},
	{name: "torchvision's vision transformer: class token by Expand, packed projection, Gather of the token", model: `
		input x Nx3x8x8
		init wp 8x3x4x4
		init bp 8
		c = Conv(x, wp, bp) strides=4,4
		sh = Shape(x)
		i0 = Constant() value_int=0
		n = Gather(sh, i0)
		a0 = Constant() value_ints=0,
		n1 = Unsqueeze(n, a0)
		c8 = Constant() value_ints=8,
		cm = Constant() value_ints=-1,
		to = Concat(n1, c8, cm) axis=0
		r = Reshape(c, to)
		t = Transpose(r) perm=0,2,1
		init token 1x1x8
		want = Concat(n1, cm, cm) axis=0
		rk = Constant() value_ints=3,
		ones0 = ConstantOfShape(rk)
		ones = Add(ones0, un)
		un2 = Constant() value_int=-1
		eq0 = Mul(ones, un2)
		eq = Equal(want, eq0)
		wh = Where(eq, ones, want)
		cls = Expand(token, wh)
		z = Concat(cls, t) axis=1
		init pos 1x5x8
		zp = Add(z, pos)
		init g 8
		ln = LayerNormalization(zp, g, g)
		lt = Transpose(ln) perm=1,0,2
		init wi 8x24
		init bi 24
		m = MatMul(lt, wi)
		mb = Add(m, bi)
		h3 = Constant() value_ints=5,-1,3,8
		m4 = Reshape(mb, h3)
		m5 = Unsqueeze(m4, a0)
		mt = Transpose(m5) perm=3,1,2,0,4
		a3 = Constant() value_ints=3,
		ms = Squeeze(mt, a3)
		i1 = Constant() value_int=1
		i2 = Constant() value_int=2
		q = Gather(ms, i0) axis=0
		k = Gather(ms, i1) axis=0
		v = Gather(ms, i2) axis=0
		hh = Constant() value_ints=5,2,4
		qh = Reshape(q, hh)
		kh = Reshape(k, hh)
		vh = Reshape(v, hh)
		qt = Transpose(qh) perm=1,0,2
		kt = Transpose(kh) perm=1,2,0
		vt = Transpose(vh) perm=1,0,2
		sc = MatMul(qt, kt)
		pr = Softmax(sc) axis=-1
		ct = MatMul(pr, vt)
		c2 = Transpose(ct) perm=1,0,2
		fl = Constant() value_ints=5,8
		c3 = Reshape(c2, fl)
		init wo 8x8
		init bo 8
		o = Gemm(c3, wo, bo) transB=1
		b3 = Constant() value_ints=5,1,8
		o3 = Reshape(o, b3)
		ot = Transpose(o3) perm=1,0,2
		res = Add(ot, zp)
		first = Gather(res, i0) axis=1
		init wh1 10x8
		init bh1 10
		y = Gemm(first, wh1, bh1) transB=1
		output y`, prelude: "un = Constant() value_int=1", macs: 4*8*48 + 5*8*24 + 2*2*25*4 + 5*64 + 80,
		weights: 8*48 + 8 + 40 + 16 + 8*24 + 24 + 64 + 80}, // the token too
	{name: "Llama: rotation of positions, keys repeated by Expand, cache of length 0, mask by Trilu and Range", model: `
		input x batchxseqx16
		input pk batchx2xpastx4
		input pv batchx2xpastx4
		s = Shape(x)
		ps = Shape(pk)
		i0 = Constant() value_int=0
		i1 = Constant() value_int=1
		i2 = Constant() value_int=2
		b = Gather(s, i0)
		n = Gather(s, i1)
		p = Gather(ps, i2)
		all = Add(n, p)
		a0 = Constant() value_ints=0,
		a1 = Constant() value_ints=1,
		a2 = Constant() value_ints=2,
		nb = Unsqueeze(b, a0)
		nn = Unsqueeze(n, a0)
		na = Unsqueeze(all, a0)
		shape2 = Concat(nn, na) axis=0
		minus = ConstantOfShape(shape2)
		k1 = Add(p, i1)
		tri = Trilu(minus, k1) upper=1
		r = Range(i0, all, i1)
		cols = Unsqueeze(r, a0)
		q0 = Range(p, all, i1)
		rows = Unsqueeze(q0, a1)
		later = Greater(cols, rows)
		cst = Cast(later) to=1
		m2 = Mul(tri, cst)
		m4 = Unsqueeze(m2, mask_axes)
		full = Concat(nb, a1, nn, na) axis=0
		mask = Expand(m4, full)
		init wq 16x16
		init wk 16x8
		init wv 16x8
		q = MatMul(x, wq)
		k = MatMul(x, wk)
		v = MatMul(x, wv)
		h4 = Constant() value_ints=4,4
		h2 = Constant() value_ints=2,4
		to4 = Concat(nb, nn, h4) axis=0
		to2 = Concat(nb, nn, h2) axis=0
		qr = Reshape(q, to4)
		kr = Reshape(k, to2)
		vr = Reshape(v, to2)
		qt = Transpose(qr) perm=0,2,1,3
		kt = Transpose(kr) perm=0,2,1,3
		vt = Transpose(vr) perm=0,2,1,3
		init freq 1x2x1
		fr = Cast(q0) to=1
		fc = Unsqueeze(fr, two_axes)
		init inv 1x2
		ang = Mul(fc, inv)
		emb = Concat(ang, ang) axis=-1
		cos = Cos(emb)
		sin = Sin(emb)
		e2 = Constant() value_ints=2,
		big = Constant() value_ints=9223372036854775807,
		a3 = Constant() value_ints=3,
		q1 = Slice(qt, a0, e2, a3)
		q2 = Slice(qt, e2, big, a3)
		qn = Neg(q2)
		qh = Concat(qn, q1) axis=-1
		qc = Mul(qt, cos)
		qs = Mul(qh, sin)
		qe = Add(qc, qs)
		kc = Concat(pk, kt) axis=2
		vc = Concat(pv, vt) axis=2
		ku = Unsqueeze(kc, a2)
		rep = Constant() value_ints=2,
		d4 = Constant() value_ints=4,
		ex = Concat(nb, rep, rep, na, d4) axis=0
		ke = Expand(ku, ex)
		mrg = Concat(nb, d4, na, d4) axis=0
		km = Reshape(ke, mrg)
		vu = Unsqueeze(vc, a2)
		ve = Expand(vu, ex)
		vm = Reshape(ve, mrg)
		kT = Transpose(km) perm=0,1,3,2
		sc = MatMul(qe, kT)
		sm = Add(sc, mask)
		pr = Softmax(sm) axis=-1
		ct = MatMul(pr, vm)
		c2 = Transpose(ct) perm=0,2,1,3
		w16 = Constant() value_ints=16,
		back = Concat(nb, nn, w16) axis=0
		y = Reshape(c2, back)
		z = Relu(y)
		output z
		output kc`, opset: 14, prelude: "mask_axes = Constant() value_ints=0,1\n two_axes = Constant() value_ints=1,",
		dims: map[string]int64{"batch": 1, "seq": 5, "past": 0},
		macs: 5*16*32 + 2*4*25*4, weights: 16*32 + 2*20 + 25},
	{name: "two directions of LSTM, a GRU of both kinds, last states", model: `
		input x 4x1x6
		init w 2x20x6
		init r 2x20x5
		init b 2x40
		y, h, c = LSTM(x, w, r, b) direction=bidirectional hidden_size=5
		t = Transpose(y) perm=0,2,1,3
		to = Constant() value_ints=4,1,10
		m = Reshape(t, to)
		init gw 1x12x10
		init gr 1x12x4
		init gb 1x24
		g, gh = GRU(m, gw, gr, gb) hidden_size=4 linear_before_reset=1
		a1 = Constant() value_ints=1,
		gs = Squeeze(g, a1)
		init ew 1x9x4
		init er 1x9x3
		e, eh = GRU(gs, ew, er) hidden_size=3 direction=reverse
		init rw 1x2x3
		init rr 1x2x2
		es = Squeeze(e, a1)
		u, uh = RNN(es, rw, rr, , , ih) hidden_size=2
		a0 = Constant() value_ints=0,
		hs = Squeeze(uh, a0)
		ghs = Squeeze(gh, a0)
		cat = Concat(hs, ghs) axis=-1
		init f 6x2
		o = MatMul(cat, f)
		output o`, prelude: "init ih 1x1x2",
		// Inputs of all steps, and states from the second step on, but the RNN's from the first.
		macs:    2*(4*20*6+3*20*5) + 4*12*10 + 3*12*4 + 4*9*4 + 3*9*3 + 4*2*3 + 4*2*2 + 12,
		weights: 2*(120+100) + 120 + 48 + 36 + 27 + 6 + 4 + 2 + 12},
	{name: "detection: RoiAlign, GridSample, deformable convolution, computed limits", model: `
		opset 19
		input x 1x4x8x8
		input boxes 3x4
		input which:int64 3
		init w 4x4x3x3
		c = Conv(x, w) pads=1,1,1,1
		init ow 18x4x3x3
		of = Conv(c, ow) pads=1,1,1,1
		init mw 9x4x3x3
		mk = Conv(c, mw) pads=1,1,1,1
		sg = Sigmoid(mk)
		init dw 6x4x3x3
		d = DeformConv(c, dw, of, , sg) pads=1,1,1,1 kernel_shape=3,3
		r = RoiAlign(d, boxes, which) output_height=2 output_width=2 sampling_ratio=2
		mn = ReduceMin(r) keepdims=0
		mx = ReduceMax(r) keepdims=0
		cl = Clip(r, mn, mx)
		init th 3x2x3
		sz = Constant() value_ints=3,6,4,4
		gr = AffineGrid(th, sz)
		gs = GridSample(cl, gr)
		y = Relu(gs)
		output y`, macs: 64*(4*36+18*36+9*36+6*36) + 0, weights: 36*(4+18+9+6) + 3*16*2},
	{name: "contractions of three, diagonals, sequences, scatters", model: `
		input a 3x4
		input b 4x5
		input c 5x3
		y1 = Einsum(a, b, c) equation=ij,jk,kl->il
		tr = Einsum(y1) equation=ii->i
		sq = SplitToSequence(y1) axis=0 keepdims=0
		one = Constant() value_int=1
		zero = Constant() value_int=0
		s1 = SequenceAt(sq, one)
		s0 = SequenceAt(sq, zero)
		list = SequenceConstruct(s1, tr)
		more = SequenceInsert(list, s0)
		st = ConcatFromSequence(more) axis=0 new_axis=1
		idx = Constant() value_ints=2,0
		ix = Unsqueeze(idx, ax1)
		upd = Relu(y1)
		two = Constant() value_ints=0,
		end = Constant() value_ints=2,
		u2 = Slice(upd, two, end, two)
		sc = ScatterND(st, ix, u2)
		gi = Constant() value_ints=1,2
		g2 = Unsqueeze(gi, ax0)
		ge = GatherElements(sc, g2) axis=1
		init q:int64 1x1
		gn = GatherND(sc, q)
		init far:int64 2x3
		se = ScatterElements(sc, far, u2) axis=0 reduction=add
		t1 = Add(ge, ge)
		t2 = Exp(gn)
		y = Add(se, sc)
		output y
		output t1
		output t2`, prelude: "ax1 = Constant() value_ints=1,\n ax0 = Constant() value_ints=0,", opset: 16,
		macs: 3*4*5 + 3*5*3, weights: 8}, // an index of 64 bits
	{name: "ONNX Runtime: embeddings, packed attention, group norm, channels last", model: `
		opset 17
		input ids:int32 1x5
		input seg:int32 1x5
		input im 1x6x6x4
		init word 30x8
		init place 9x8
		init kind 2x8
		init g 8
		e, len = com.microsoft.EmbedLayerNormalization(ids, seg, word, place, kind, g, g)
		init w 8x24
		init wb 24
		at = com.microsoft.Attention(e, w, wb, len) num_heads=2
		init sg 4
		gn = com.microsoft.GroupNorm(im, sg, sg) groups=2 activation=0
		mp = com.microsoft.NhwcMaxPool(gn) kernel_shape=2,2 strides=2,2
		to = Constant() value_ints=1,-1,4
		f = Reshape(mp, to)
		init b8 4
		sgl = com.microsoft.BiasSplitGelu(f, b8)
		y = Relu(at)
		output y
		output sgl`, macs: 5*8*24 + 2*2*25*4, weights: 3*40 + 16 + 8*24 + 8 + 4},
	{name: "signals: frames, window, spectrum, bands", model: `
		opset 17
		input x 1x64x1
		step = Constant() value_int=8
		size = Constant() value_int=16
		win = HannWindow(size)
		st = STFT(x, step, win, size)
		sq = Mul(st, st)
		p = ReduceSum(sq, last) keepdims=0
		b = Constant() value_int=4
		lo = Constant() value_float=0.0
		hi = Constant() value_float=8000.0
		rate = Constant() value_int=16000
		mel = MelWeightMatrix(b, size, rate, lo, hi)
		e = MatMul(p, mel)
		l = Log(e)
		un = Unsqueeze(l, last)
		d = DFT(un) axis=1 onesided=1
		y = Relu(d)
		output y`, prelude: "last = Constant() value_ints=-1,", macs: 7 * 9 * 4, weights: 9*16*2 + 36 + 4*7*2},
}
