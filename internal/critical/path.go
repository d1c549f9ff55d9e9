package critical

import (
	"cmp"
	"slices"

	"streamdse/taskgraph"
	"streamdse/unit"
)

// Step is a part of the critical path.
type Step struct {
	Start, End unit.Cycles
	// Event is what happened meanwhile; none if the schedule does not tell why
	// nothing did.
	Event Event
	// On is the core that computed, or the link (within a core, the memory) that
	// moved data or was reserved.
	On Resource
	// Then is why what follows on the path had to wait for it, Nothing after the last
	// step and before one without an event. Over is where that waited: the memory that
	// was full, for instance.
	Then Cause
	Over Resource
}

// Path is the critical path, from time 0 to the latency, without gaps.
func (a *Analysis) Path() []Step {
	e := a.last()
	if !e.Is() {
		return nil
	}
	_, until := a.span(e)
	seen := map[Event]bool{}
	var back []Step
	on := a.resource(e)
	then := Wait{For: none}
	for {
		seen[e] = true
		start, end := a.span(e)
		if end < until { // nothing is known of what happened meanwhile
			back = append(back, Step{Start: end, End: until, Event: none, Then: then.Cause, Over: then.On})
			then.Cause, then.On = Nothing, Resource{}
			until = end
		}
		if start < until {
			back = append(back, Step{start, until, e, on, then.Cause, then.On})
			until = start
		}
		if until <= 0 {
			break
		}
		then = a.wait(e)
		if !then.For.Is() || seen[then.For] {
			back = append(back, Step{Start: 0, End: until, Event: none})
			break
		}
		e = then.For
		on = a.resource(e)
		if then.Cause == LinkBusy && e.Node >= 0 {
			on = then.On // the node held it by streaming
		}
	}
	slices.Reverse(back)
	return back
}

// last is the event that ends last: a node rather than a transfer.
func (a *Analysis) last() Event {
	e, until := none, unit.Cycles(-1)
	for n := range a.s.Tasks {
		if end := a.s.Tasks[n].End; end > until {
			e, until = Event{taskgraph.NodeID(n), -1}, end
		}
	}
	for i := range a.s.Transfers {
		if end := a.s.Transfers[i].End; end > until {
			e, until = Event{-1, int32(i)}, end
		}
	}
	return e
}

// wait is what an event waited for.
func (a *Analysis) wait(e Event) Wait {
	if e.Node >= 0 {
		return a.Node(e.Node)
	}
	return a.Transfer(int(e.Transfer))
}

// resource is what an event takes.
func (a *Analysis) resource(e Event) Resource {
	if e.Node >= 0 {
		return Resource{Core, a.s.Tasks[e.Node].Core}
	}
	return a.passes(&a.s.Transfers[e.Transfer])
}

// Share is the time that a resource takes of the critical path.
type Share struct {
	On     Resource
	Cycles unit.Cycles
	Steps  int
}

// Shares adds up the steps of a path by resource, the largest share first. Together
// they are the latency.
func Shares(path []Step) []Share {
	at := map[Resource]int{}
	var shares []Share
	for i := range path {
		step := &path[i]
		k, ok := at[step.On]
		if !ok {
			k = len(shares)
			at[step.On] = k
			shares = append(shares, Share{On: step.On})
		}
		shares[k].Cycles += step.End - step.Start
		shares[k].Steps++
	}
	slices.SortStableFunc(shares, func(x, y Share) int {
		return cmp.Or(cmp.Compare(y.Cycles, x.Cycles), cmp.Compare(x.On.Kind, y.On.Kind), cmp.Compare(x.On.Index, y.On.Index))
	})
	return shares
}
