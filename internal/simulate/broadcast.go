package simulate

import (
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// sent remembers when memories sent what, so that the same can go to other cores with it:
// the links that both ways have in common carry it once, and it is read once.
type sent struct {
	latest []int32 // of each tensor: index+1 in all of the transfer that starts last
	all    []sending
	own    lane // of a transfer, the links that it does not share
}

// sending is a transfer over links.
type sending struct {
	span
	lane  *lane
	part  taskgraph.PartID
	store int32
	next  int32 // index+1 of the one of the same tensor that starts no later
}

func newSent(tensors int) sent { return sent{latest: make([]int32, tensors)} }

func (b *sent) reset() {
	clear(b.latest)
	b.all = b.all[:0]
}

// along returns the earliest start from t on of a transfer of the same data from the same
// memory, as long as this one, that it can go with: the links that are not shared are idle.
// The memory must hold the data from t on.
func (s *Simulator) along(l *lane, x taskgraph.TensorID, part taskgraph.PartID, store int32, t, duration unit.Cycles) (start unit.Cycles, ok bool) {
	if s.sent.latest == nil || len(l.links) == 0 {
		return 0, false
	}
	for i := s.sent.latest[x]; i != 0; {
		y := &s.sent.all[i-1]
		if y.start < t {
			break
		}
		if (!ok || y.start != start) && y.part == part && y.store == store && y.end-y.start == duration && s.fits(l, x, y) {
			start, ok = y.start, true
		}
		i = y.next
	}
	return start, ok
}

// fits tells whether a transfer can go with another one.
func (s *Simulator) fits(l *lane, x taskgraph.TensorID, with *sending) bool {
	shared := false
	for k, link := range l.links {
		switch {
		case s.carries(link, x, with):
			shared = true
		case s.InOrder && s.links[link].latest > with.start, s.links[link].idle(with.start, with.end-with.start, l.bandwidth[k]) != with.start:
			return false
		}
	}
	return shared
}

// carries tells whether a link carries the same data from the same memory at the same time
// as a transfer, for it or for another one.
func (s *Simulator) carries(link int32, x taskgraph.TensorID, with *sending) bool {
	for i := s.sent.latest[x]; i != 0; {
		y := &s.sent.all[i-1]
		if y.start < with.start {
			return false
		}
		if y.span == with.span && y.part == with.part && y.store == with.store && slices.Contains(y.lane.links, link) {
			return true
		}
		i = y.next
	}
	return false
}

// send notes a transfer. It tells whether it shares links with earlier ones; then sent.own
// are the others.
func (s *Simulator) send(l *lane, x taskgraph.TensorID, part taskgraph.PartID, store int32, start, end unit.Cycles) (shared bool) {
	if s.sent.latest == nil || len(l.links) == 0 || start == end {
		return false
	}
	b := &s.sent
	this := sending{span: span{start, end}, lane: l, part: part, store: store}
	b.own.links, b.own.bandwidth, b.own.energy, b.own.bitEnergy = b.own.links[:0], b.own.bandwidth[:0], 0, 0
	for k, link := range l.links {
		if s.carries(link, x, &this) {
			shared = true
			continue
		}
		b.own.links, b.own.bandwidth = append(b.own.links, link), append(b.own.bandwidth, l.bandwidth[k])
		b.own.energy += s.Accelerator.Links[link].UnitEnergy
		b.own.bitEnergy += s.Accelerator.Links[link].BitEnergy
	}
	at := &b.latest[x]
	for *at != 0 && b.all[*at-1].start > start {
		at = &b.all[*at-1].next
	}
	this.next, *at = *at, int32(len(b.all)+1)
	b.all = append(b.all, this)
	return shared
}
