package simulate

import (
	"math"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// span is an interval of time [start, end).
type span struct{ start, end unit.Cycles }

// slot is an earlier use of a link for a tensor, in a list of all of them.
type slot struct {
	span
	next int32 // index+1 of the next one
}

// slots remembers for every link and tensor when the link carried it.
type slots struct {
	tensors    int
	head, tail []int32 // link*tensors+tensor -> index+1 in all
	all        []slot
}

func newSlots(links, tensors int) slots {
	return slots{tensors: tensors, head: make([]int32, links*tensors), tail: make([]int32, links*tensors)}
}

func (b *slots) reset() {
	clear(b.head)
	clear(b.tail)
	b.all = b.all[:0]
}

func (b *slots) add(link int32, x taskgraph.TensorID, s span) {
	key := int(link)*b.tensors + int(x)
	b.all = append(b.all, slot{span: s})
	i := int32(len(b.all))
	if b.head[key] == 0 {
		b.head[key] = i
	} else {
		b.all[b.tail[key]-1].next = i
	}
	b.tail[key] = i
}

func (b *slots) first(link int32, x taskgraph.TensorID) int32 {
	return b.head[int(link)*b.tensors+int(x)]
}

// remember notes a use of a link, unless one of the tensors has used it from the
// same time on before: then the two share the slot and it returns false.
func (s *Simulator) remember(link int32, tensors []taskgraph.TensorID, start, end unit.Cycles) bool {
	if start == end {
		return true
	}
	if s.carried(link, tensors, start) {
		return false
	}
	for _, x := range tensors {
		s.slots.add(link, x, span{start, end})
	}
	return true
}

// joinWindow is the published choice of a window (JoinPastTransfers): the first
// common one of lists that put the links' earlier slots for the same tensors,
// even those of a copy that is gone, before their idle times. It returns false
// where that is the same as the earliest idle time of all links.
func (s *Simulator) joinWindow(links []int32, bandwidth []float64, tensors []taskgraph.TensorID, t, duration unit.Cycles) (unit.Cycles, bool) {
	special := false
	for _, l := range links {
		for _, x := range tensors {
			for i := s.slots.first(l, x); i != 0 && !special; i = s.slots.all[i-1].next {
				past := s.slots.all[i-1]
				special = past.start >= t && past.end-past.start >= duration
			}
		}
	}
	if !special {
		return 0, false
	}
	var common []span
	for i, l := range links {
		windows := s.windows(l, bandwidth[i], tensors, t, duration)
		if i > 0 {
			windows = intersect(common, windows, duration)
		}
		common = windows
	}
	// The first one may be a slot that another link makes begin later, so that it is
	// neither shared nor free.
	start := common[0].start
	for i, l := range links {
		if !s.carried(l, tensors, start) && s.links[l].idle(start, duration, bandwidth[i]) > start {
			return 0, false
		}
	}
	return start, true
}

// carried tells whether a link carried one of the tensors from the given time on.
func (s *Simulator) carried(link int32, tensors []taskgraph.TensorID, start unit.Cycles) bool {
	for _, x := range tensors {
		for i := s.slots.first(link, x); i != 0; i = s.slots.all[i-1].next {
			if s.slots.all[i-1].start == start {
				return true
			}
		}
	}
	return false
}

// windows lists the times from t on at which a link can carry tensors: the slots
// in which it did so before, and then its idle times.
func (s *Simulator) windows(l int32, bandwidth float64, tensors []taskgraph.TensorID, t, duration unit.Cycles) []span {
	var out []span
	for _, x := range tensors {
		for i := s.slots.first(l, x); i != 0; i = s.slots.all[i-1].next {
			if past := s.slots.all[i-1].span; past.start >= t && past.end-past.start >= duration {
				out = append(out, past)
			}
		}
	}
	link := &s.links[l]
	if math.IsInf(link.bandwidth, 1) {
		return append(out, span{t, math.MaxInt64})
	}
	load := &link.load
	limit := link.bandwidth*(1+tolerance) - bandwidth
	for i, more := load.at(t), true; more; i, more = load.next(i) {
		if load.value(i) > limit {
			continue
		}
		idle := span{max(t, load.time(i)), math.MaxInt64}
		for more && load.value(i) <= limit {
			i, more = load.next(i)
		}
		if more {
			idle.end = load.time(i)
		}
		if idle.end-idle.start >= duration {
			out = append(out, idle)
		}
		if !more {
			break
		}
	}
	return out
}

// intersect walks two lists of windows in step and returns what they have in
// common, touching results merged, if it is long enough.
func intersect(a, b []span, duration unit.Cycles) []span {
	var out []span
	for i, j := 0, 0; i < len(a) && j < len(b); {
		both := span{max(a[i].start, b[j].start), min(a[i].end, b[j].end)}
		switch n := len(out); {
		case both.start > both.end:
		case n > 0 && out[n-1].end == both.start:
			out[n-1].end = both.end
		default:
			out = append(out, both)
		}
		if a[i].end < b[j].end {
			i++
		} else {
			j++
		}
	}
	long := out[:0]
	for _, w := range out {
		if w.end-w.start >= duration {
			long = append(long, w)
		}
	}
	return long
}
