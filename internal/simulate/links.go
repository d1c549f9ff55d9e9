package simulate

import (
	"math"
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// tolerance absorbs the rounding of fractional loads on a link.
const tolerance = 1e-9

// link is the planned load of a link, in bits per cycle over time.
type link struct {
	load      steps[float64]
	bandwidth float64
	full      unit.Cycles // the link is fully loaded until then
	latest    unit.Cycles // the latest start of what loads it
}

func (l *link) reset() {
	l.load.reset()
	l.full, l.latest = 0, 0
}

// idle returns the earliest time from t on at which the link has the given
// bandwidth left over for the given duration. It must not ask for more than the
// link has.
func (l *link) idle(t, duration unit.Cycles, bandwidth float64) unit.Cycles {
	if math.IsInf(l.bandwidth, 1) {
		return t
	}
	load := &l.load
	limit := l.bandwidth*(1+tolerance) - bandwidth
	if bandwidth > 0 {
		full := load.at(l.full)
		for load.value(full) >= l.bandwidth {
			full, _ = load.next(full) // the last step is idle
			l.full = load.time(full)
		}
		t = max(t, l.full)
	}
	i, more := load.at(t), true
	for {
		for load.value(i) > limit {
			i, _ = load.next(i)
			t = load.time(i)
		}
		for i, more = load.next(i); more && load.value(i) <= limit && load.time(i)-t < duration; i, more = load.next(i) {
		}
		if !more || load.time(i)-t >= duration {
			return t
		}
	}
}

// occupy loads the link.
func (l *link) occupy(start, end unit.Cycles, bandwidth float64) {
	if start < end && !math.IsInf(l.bandwidth, 1) {
		l.load.addDuring(start, end, bandwidth)
		l.latest = max(l.latest, start)
	}
}

// window returns the earliest time from t on at which all links have the given
// bandwidths left over for the given duration, to move the given tensors.
func (s *Simulator) window(links []int32, bandwidth []float64, tensors []taskgraph.TensorID, t, duration unit.Cycles) unit.Cycles {
	if duration == 0 {
		return t
	}
	if s.InOrder {
		for _, l := range links {
			t = max(t, s.links[l].latest)
		}
	}
	if s.rules.JoinPastTransfers {
		if start, ok := s.joinWindow(links, bandwidth, tensors, t, duration); ok {
			return start
		}
	}
	for settled := 0; settled < len(links); {
		for i, l := range links {
			start := s.links[l].idle(t, duration, bandwidth[i])
			if start > t {
				t, settled = start, 0
			}
			if settled++; settled == len(links) {
				break
			}
		}
	}
	return t
}

// occupy loads the links and tells whether every one of them shared the slot of
// an earlier transfer of one of the tensors.
func (s *Simulator) occupy(links []int32, bandwidth []float64, tensors []taskgraph.TensorID, start, end unit.Cycles) bool {
	joined := len(links) > 0 && start < end
	for i, l := range links {
		if s.rules.JoinPastTransfers && !s.remember(l, tensors, start, end) {
			continue
		}
		joined = false
		if slices.Contains(links[:i], l) {
			continue // a path through off-chip memory may use its one link for both ways
		}
		s.links[l].occupy(start, end, bandwidth[i])
	}
	return joined
}
