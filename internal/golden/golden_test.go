package golden

import "testing"

func TestLoad(t *testing.T) {
	f := Load(t)
	if len(f.Cases) != 39 {
		t.Errorf("%d cases, want 39", len(f.Cases))
	}
	for name, c := range f.Cases {
		if len(c.Nodes) != c.NodeCount || len(c.Edges) != c.EdgeCount {
			t.Errorf("%s: %d nodes and %d edges, want %d and %d", name, len(c.Nodes), len(c.Edges), c.NodeCount, c.EdgeCount)
		}
		if _, ok := f.Accelerators[c.Inputs.Accelerator]; !ok {
			t.Errorf("%s: unknown accelerator %q", name, c.Inputs.Accelerator)
		}
	}
}
