package workload

import "slices"

// Moved is the source after one more movement.
func (s Source) Moved(m Movement) Source {
	if s.Kind != FromParts {
		s.Via = append(slices.Clone(s.Via), m)
		return s
	}
	s.Parts = slices.Clone(s.Parts)
	for i := range s.Parts {
		s.Parts[i] = s.Parts[i].Moved(m)
	}
	return s
}

// Joined puts tensors together along an axis. The movement m names the operator
// and has the shape of the result; sizes are the extents of the parts along the
// axis.
func Joined(m Movement, parts []Source, sizes []int) Source {
	m.Kind = Select
	var list []Source
	begin := 0
	for i, p := range parts {
		m.Runs = Placed(begin, sizes[i], m.Shape[m.Axis])
		begin += sizes[i]
		p = p.Moved(m)
		list = append(list, p.Origins()...)
	}
	return Together(merged(list), m.Shape)
}

// Together is a tensor of the given shape each of whose elements one of the parts
// gives, or none: the parts' last movements lead to that shape and have gaps.
func Together(list []Source, shape []int) Source {
	if len(list) == 1 {
		return list[0]
	}
	if !slices.ContainsFunc(list, func(s Source) bool { return !s.Constant() }) {
		kind := FromConstant
		for _, s := range list {
			if s.Kind == FromInput {
				kind = FromInput
			}
		}
		return Source{Kind: kind, Shape: slices.Clone(shape)}
	}
	return Source{Kind: FromParts, Parts: list}
}

// Placed are the runs that put size positions at begin of an axis of the given
// length, with gaps around them.
func Placed(begin, size, length int) []Run {
	var runs []Run
	for _, r := range []Run{{Count: begin, Gap: true}, {Count: size, Step: 1}, {Count: length - begin - size, Gap: true}} {
		if r.Count > 0 {
			runs = append(runs, r)
		}
	}
	return runs
}

// merged joins parts that are selections of the same tensor along the same axis
// followed by their place on that axis, such as the two halves of a rotation: into
// one selection.
func merged(parts []Source) []Source {
	var list []Source
	for _, p := range parts {
		if n := len(list); n > 0 {
			if m, ok := fuse(list[n-1], p); ok {
				list[n-1] = m
				continue
			}
		}
		list = append(list, p)
	}
	return list
}

// fuse makes one selection of two if each of the parts a and b goes through a
// selection, or none, and then to its place.
func fuse(a, b Source) (Source, bool) {
	if a.Kind != FromLayer || b.Kind != FromLayer || a.Layer != b.Layer {
		return a, false
	}
	headA, runsA := lastSelection(a)
	headB, runsB := lastSelection(b)
	placeA, placeB := a.Via[len(a.Via)-1], b.Via[len(b.Via)-1]
	if runsA == nil || runsB == nil || headA != headB || placeA.ID != placeB.ID || !slices.EqualFunc(a.Via[:headA], b.Via[:headA], sameStep) {
		return a, false
	}
	// Each position of the axis comes from one of the two at most.
	var runs []Run
	for len(runsA) > 0 && len(runsB) > 0 {
		x, y := &runsA[0], &runsB[0]
		n := min(x.Count, y.Count)
		r := *x
		if x.Gap {
			r = *y
		}
		r.Count = n
		if k := len(runs); k > 0 && r.Gap && runs[k-1].Gap {
			runs[k-1].Count += n
		} else {
			runs = append(runs, r)
		}
		runsA, runsB = dropped(runsA, n), dropped(runsB, n)
	}
	a.Via = append(slices.Clone(a.Via[:headA]), placeA)
	a.Via[headA].Runs = runs
	return a, true
}

// dropped are the runs without their first n positions.
func dropped(runs []Run, n int) []Run {
	runs = slices.Clone(runs)
	if runs[0].Count == n {
		return runs[1:]
	}
	runs[0].Count -= n
	runs[0].From += n * runs[0].Step
	return runs
}

// lastSelection combines the last one or two steps of a source, if they select
// along the same axis. It returns how many steps come before them; nil runs if
// the last step is none.
func lastSelection(s Source) (before int, runs []Run) {
	n := len(s.Via)
	if n == 0 || s.Via[n-1].Kind != Select {
		return n, nil
	}
	last := s.Via[n-1]
	if n < 2 || s.Via[n-2].Kind != Select || s.Via[n-2].Axis != last.Axis {
		return n - 1, slices.Clone(last.Runs)
	}
	return n - 2, Composed(s.Via[n-2].Runs, last.Runs)
}

// Composed is what a selection of a selection selects.
func Composed(first, second []Run) []Run {
	var out []Run
	for _, r := range second {
		if r.Gap {
			out = append(out, r)
			continue
		}
		for i := 0; i < r.Count; {
			x, left := find(first, r.At(i))
			n := r.Count - i // how far the run stays within x
			switch {
			case r.Step > 0:
				n = min(n, (left-1)/r.Step+1)
			case r.Step < 0:
				n = min(n, (x.Count-left)/-r.Step+1)
			}
			piece := Run{Count: n, Gap: x.Gap}
			if !x.Gap {
				piece.From, piece.Step = x.At(x.Count-left), x.Step*r.Step
			}
			out = append(out, piece)
			i += n
		}
	}
	return out
}

// find is the run that holds a position, and how many of its positions are left
// from there on.
func find(runs []Run, at int) (Run, int) {
	for _, r := range runs {
		if at < r.Count {
			return r, r.Count - at
		}
		at -= r.Count
	}
	return Run{Gap: true, Count: 1}, 1
}

func sameStep(a, b Movement) bool {
	return a.Kind == b.Kind && a.ID == b.ID && a.Axis == b.Axis && slices.Equal(a.Runs, b.Runs)
}
