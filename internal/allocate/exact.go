package allocate

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"
	"sync"
)

// Bounder tells what no allocation can beat that gives every group one of some cores.
// One Bounder is used by one goroutine at a time.
type Bounder func(cores func(layer, group int) []int) Point

// branch is a beginning of an allocation: the first groups have their core.
type branch struct {
	genes []uint16
	bound Point
	value float64 // of the bound
	id    int     // in the order of their making
}

// branches is a heap of branches, the most promising first and of equals the deepest.
type branches []branch

func (b branches) Len() int      { return len(b) }
func (b branches) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b branches) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(b[i].value, b[j].value), cmp.Compare(len(b[j].genes), len(b[i].genes)), cmp.Compare(b[i].id, b[j].id)) < 0
}
func (b *branches) Push(x any) { *b = append(*b, x.(branch)) }
func (b *branches) Pop() any {
	last := len(*b) - 1
	x := (*b)[last]
	*b = (*b)[:last]
	return x
}

// branchesPerEvaluation is how many branches may be bounded for each allocation of
// the budget.
const branchesPerEvaluation = 10

// exact is branch and bound over the cores, group by group in the order of the
// network: a branch is left as soon as its bound shows that nothing in it is better
// than the best allocation found. It begins with that of greedy. If no branch is left
// before the budget is used, the best is proven to be optimal; if some are, their
// bounds say how much better another may be.
//
// Branches are taken from the heap in batches of a fixed size, so that the result does
// not depend on the number of workers.
func exact(ctx context.Context, s *search) {
	greedy(ctx, s)
	x := &tree{search: s, limit: branchesPerEvaluation * s.Budget}
	if s.Budget == 0 {
		x.limit = math.MaxInt
	}
	for range s.workers {
		bounder := Bounder(func(func(int, int) []int) Point { return Point{} })
		if s.NewBound != nil {
			bounder = s.NewBound()
		}
		x.bounders = append(x.bounders, bounder)
	}
	root := []branch{{}}
	x.bound(root)
	x.open = root
	for len(x.open) > 0 && !s.done() && x.bounded < x.limit {
		if ctx.Err() != nil {
			s.interrupted = true
			break
		}
		x.step(ctx)
	}
	x.conclude()
}

// tree is a search in progress.
type tree struct {
	*search
	bounders       []Bounder
	open           branches
	bounded, limit int
	next           int // id
}

// promising tells whether a branch may hold something better than the best so far, by
// more than rounding errors.
func (x *tree) promising(b *branch) bool {
	best, ok := x.best(x.Goal)
	if !ok {
		return true
	}
	if p, q := x.Limits.Excess(b.bound), x.Limits.Excess(best.point); p != q {
		return p < q
	}
	return b.value < x.Objective.Value(best.point)*(1-1e-9)
}

// step opens the most promising branches: their children are bounded or, if they are
// complete, scheduled.
func (x *tree) step(ctx context.Context) {
	var children, complete []branch
	for n := 0; n < batchSize && len(x.open) > 0; n++ {
		parent := heap.Pop(&x.open).(branch)
		if !x.promising(&parent) {
			continue
		}
		for c := range x.space.Genes[len(parent.genes)].Cores {
			child := branch{genes: append(slices.Clip(slices.Clone(parent.genes)), uint16(c)), bound: parent.bound, value: parent.value, id: x.next}
			x.next++
			if len(child.genes) == len(x.space.Genes) {
				complete = append(complete, child)
			} else {
				children = append(children, child)
			}
		}
	}
	var batch []individual
	for _, b := range complete {
		batch = append(batch, individual{genes: b.genes})
	}
	x.try(ctx, batch...)
	for _, b := range complete {
		if !x.isKnown(b.genes) { // the budget or the time is used
			heap.Push(&x.open, b)
		}
	}
	x.bound(children)
	for _, b := range children {
		if x.promising(&b) {
			heap.Push(&x.open, b)
		}
	}
}

// bound bounds branches, each by the larger of what its parent and it give.
func (x *tree) bound(list []branch) {
	x.bounded += len(list)
	next := make(chan *branch)
	var wg sync.WaitGroup
	for _, bounder := range x.bounders {
		wg.Go(func() {
			for b := range next {
				p := bounder(func(layer, group int) []int { return x.cores(b.genes, layer, group) })
				b.bound.Latency, b.bound.Energy = max(b.bound.Latency, p.Latency), max(b.bound.Energy, p.Energy)
				b.value = x.Objective.Value(b.bound)
			}
		})
	}
	for i := range list {
		next <- &list[i]
	}
	close(next)
	wg.Wait()
}

// cores are those that a branch leaves to a group.
func (x *tree) cores(genes []uint16, layer, group int) []int {
	i, ok := slices.BinarySearchFunc(x.space.Genes, Gene{Layer: layer, Group: group}, func(a, b Gene) int {
		return cmp.Or(cmp.Compare(a.Layer, b.Layer), cmp.Compare(a.Group, b.Group))
	})
	switch {
	case !ok:
		return x.space.Base.Cores[layer][group : group+1]
	case i < len(genes):
		return x.space.Genes[i].Cores[genes[i] : genes[i]+1]
	}
	return x.space.Genes[i].Cores
}

// conclude notes what has been proven: the least value that an allocation can have,
// which is that of the best one if no branch is left.
func (x *tree) conclude() {
	best, ok := x.best(x.Goal)
	if !ok {
		return
	}
	x.proven, x.lower = true, x.Objective.Value(best.point)
	for i := range x.open {
		if x.promising(&x.open[i]) {
			x.proven, x.lower = false, min(x.lower, x.open[i].value)
		}
	}
	if !x.proven && x.Limits.Excess(best.point) > 0 {
		x.lower = 0 // what keeps the limits may well have a larger value
	}
}
