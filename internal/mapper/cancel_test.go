package mapper

import (
	"context"
	"errors"
	"testing"

	"streamdse/loopnest"
	"streamdse/loopnest/nesttest"
	"streamdse/mapping"
)

// counting is a context that ends after a number of looks at it.
type counting struct {
	context.Context
	left int
}

func (c *counting) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelled ends a search over unrollings at many moments: it returns the error of
// the context, or the result that it had already.
func TestCancelled(t *testing.T) {
	core := nesttest.TPULike() // without a dataflow: both array dimensions are open
	p := Problem{Problem: loopnest.Problem{Layer: matrixProduct(4, 24, 36), Core: core}, Entry: &mapping.Entry{}}
	for _, allocation := range []Allocation{Greedy, Free} {
		opt := DefaultOptions()
		opt.Search, opt.Allocation, opt.Effort = Best, allocation, 500
		whole, err := Search(context.Background(), p, opt)
		if err != nil {
			t.Fatal(err)
		}
		ended := 0
		for left := 0; ; left += 1 + left/8 {
			r, err := Search(&counting{context.Background(), left}, p, opt)
			if errors.Is(err, context.Canceled) {
				ended++
				continue
			}
			if err != nil || r.Total() != whole.Total() {
				t.Fatalf("%s: after %d looks: %v", allocation, left, err)
			}
			break
		}
		if ended < 10 {
			t.Errorf("%s: the context was looked at %d times only", allocation, ended)
		}
	}
}
