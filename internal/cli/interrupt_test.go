package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cancelOn ends a context a moment after a text was written.
type cancelOn struct {
	text   string
	after  time.Duration
	cancel context.CancelFunc
	buffer strings.Builder
}

func (c *cancelOn) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		time.AfterFunc(c.after, c.cancel)
	}
	return c.buffer.Write(p)
}

// TestInterruptedRun ends an endless search: the best so far is kept, in a folder
// that is complete, and nothing half-written is left.
func TestInterruptedRun(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "outputs")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stderr := &cancelOn{text: "cost", after: 300 * time.Millisecond, cancel: cancel}
	var stdout strings.Builder
	status := run(ctx, []string{"run", "--mode", "fused", "--allocator", "random", "--evaluations", "1000000000", "--output", output}, &stdout, stderr)
	if status != exitInterrupted {
		t.Errorf("exit status %d, want %d; stderr:\n%s", status, exitInterrupted, &stderr.buffer)
	}
	entries, err := os.ReadDir(output)
	if os.IsNotExist(err) {
		if !strings.Contains(stderr.buffer.String(), "nothing was written") {
			t.Errorf("no folder, and the message does not say so:\n%s", &stderr.buffer)
		}
		return // the machine was too slow to have a result by then
	}
	if err != nil || len(entries) != 1 || entries[0].Name() != "resnet18-tpu_like_quad_core-fused" {
		t.Fatalf("output folder holds %v, %v", entries, err)
	}
	for _, file := range []string{"result.json", "schedule.csv", "transfers.csv", "allocation.json", "schedule.png", "memory.png", "timing.json"} {
		if info, err := os.Stat(filepath.Join(output, entries[0].Name(), file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if !strings.Contains(stdout.String(), "latency") || !strings.Contains(stderr.buffer.String(), "best found until then") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr.buffer)
	}
}

// TestInterruptedBefore: nothing is written if there is no result yet.
func TestInterruptedBefore(t *testing.T) {
	output := filepath.Join(t.TempDir(), "outputs")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stdout, stderr strings.Builder
	if status := run(ctx, []string{"run", "--output", output}, &stdout, &stderr); status != exitInterrupted {
		t.Errorf("exit status %d, want %d", status, exitInterrupted)
	}
	if _, err := os.Stat(output); !os.IsNotExist(err) {
		t.Errorf("the output folder exists: %v", err)
	}
}
