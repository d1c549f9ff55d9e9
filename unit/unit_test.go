package unit

import "testing"

func TestBytes(t *testing.T) {
	for b, want := range map[Bits]string{0: "0 B", 8: "1 B", 12: "1.5 B", 8192: "1 KB", 75264: "9.188 KB", 8 << 20: "1 MB", 8 << 40: "1024 GB"} {
		if got := b.Bytes(); got != want {
			t.Errorf("%d bits: %s, want %s", b, got, want)
		}
	}
}
