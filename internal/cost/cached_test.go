package cost

import (
	"context"
	"sync/atomic"
	"testing"

	"streamdse/hardware"
	"streamdse/hardware/zoo"
	"streamdse/internal/mapper"
	"streamdse/unit"
)

// counted counts what an estimator is asked.
type counted struct {
	Estimator
	asked atomic.Int64
}

func (c *counted) Estimate(ctx context.Context, t Tile) (*Estimate, error) {
	c.asked.Add(1)
	return c.Estimator.Estimate(ctx, t)
}

// streamedTiles are a tile whose weights are streamed through a memory of several sizes:
// what it has, and a little less.
func streamedTiles(t testing.TB, less ...unit.Bits) []Tile {
	acc, err := zoo.Load("tpu_like_quad_core")
	if err != nil {
		t.Fatal(err)
	}
	g := reduction(t, 1<<14, 1, 0)
	layer := &g.Layers[0]
	tile := g.Tile(g.Classes[0].Node)
	var tiles []Tile
	for _, l := range less {
		core := acc.WithOffchip(0, hardware.I2)
		levels := core.Levels(hardware.O)
		core.Memories[levels[len(levels)-1]].Size -= l
		tiles = append(tiles, Tile{Layer: &tile, Core: core, Links: layer.Memory, Entry: layer.Entry})
	}
	return tiles
}

// TestCachedSizes: what was estimated for one size of a memory is remembered for others
// with which it is the same, and for no others.
func TestCachedSizes(t *testing.T) {
	for _, x := range []struct {
		less  []unit.Bits
		asked int64
	}{
		{[]unit.Bits{0, 0}, 1},
		{[]unit.Bits{1024, 2048, 1536, 1024}, 1},
		{[]unit.Bits{0, 7 << 20}, 2},
	} {
		search := SingleCore{Search: mapper.Best}
		c := &counted{Estimator: search}
		cached := NewCached(c)
		for i, tile := range streamedTiles(t, x.less...) {
			got, err := cached.Estimate(context.Background(), tile)
			if err != nil {
				t.Fatal(err)
			}
			want, err := search.Estimate(context.Background(), tile)
			if err != nil {
				t.Fatal(err)
			}
			if got.Compute != want.Compute || got.Stall != want.Stall || got.Onload != want.Onload || got.Offload != want.Offload || got.Energy != want.Energy {
				t.Errorf("%d bits less: %+v, want %+v", x.less[i], got, want)
			}
			for op := range want.Top {
				if got.Top[op] != want.Top[op] {
					t.Errorf("%d bits less, operand %d: %+v, want %+v", x.less[i], op, got.Top[op], want.Top[op])
				}
			}
		}
		if n := c.asked.Load(); n != x.asked {
			t.Errorf("%v bits less: %d searches, want %d", x.less, n, x.asked)
		}
	}
}

// BenchmarkCachedSizes estimates a tile with four sizes of a memory.
func BenchmarkCachedSizes(b *testing.B) {
	b.ReportAllocs()
	tiles := streamedTiles(b, 1024, 1536, 2048, 4096)
	searches := 0.0
	for b.Loop() {
		c := &counted{Estimator: SingleCore{Search: mapper.Best}}
		cached := NewCached(c)
		for _, tile := range tiles {
			if _, err := cached.Estimate(context.Background(), tile); err != nil {
				b.Fatal(err)
			}
		}
		searches = float64(c.asked.Load())
	}
	b.ReportMetric(searches, "searches")
}

// BenchmarkKey spells out what the cost of a tile depends on.
func BenchmarkKey(b *testing.B) {
	b.ReportAllocs()
	tile := streamedTiles(b, 0)[0]
	for b.Loop() {
		Key(tile)
	}
}
