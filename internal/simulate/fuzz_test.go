package simulate

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"streamdse/rules"
)

// FuzzSchedule schedules problems that are made of the fuzzer's bytes, under the
// physical model and both published ones: each has a schedule that schedule.Verify
// finds nothing wrong with, the same every time, or a reason why there is none.
//
// Inputs are long; run it with -fuzzminimizetime 1x, or it does little but shorten them.
func FuzzSchedule(f *testing.F) {
	random := rand.NewChaCha8([32]byte{})
	for range 8 {
		seed := make([]byte, 1<<14) // enough for the largest problem: bytes that run out are skipped
		random.Read(seed)
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		r := rapid.SampledFrom([]rules.Rules{rules.Default(), measuredRules(), rules.Reference2023()}).Draw(t, "rules")
		p, alloc := drawProblem(t, r)
		checkRandom(t, p, alloc)
	}))
}
