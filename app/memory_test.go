package app

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		inUse  uint64
		want   int
	}{
		{"nothing is known yet", 0, maxPercent},
		{"a small server", 4 << 20, maxPercent},
		{"a usual one", 10 << 20, 320},
		{"just as much as may gather", freeGarbage, 100},
		{"many streams", 500 << 20, 100},
	} {
		if got := gcPercent(c.inUse); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
}

func TestContainerLimit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, file, text string
		want               int64
	}{
		{"no container", "other", "5", 0},
		{"version 2", "memory.max", "536870912\n", 512 << 20},
		{"version 2 without a limit", "memory.max", "max\n", 0},
		{"version 1", "memory/memory.limit_in_bytes", "536870912\n", 512 << 20},
		{"version 1 without a limit", "memory/memory.limit_in_bytes", "9223372036854771712\n", 0},
		{"not a number", "memory.max", "", 0},
	} {
		root := t.TempDir()
		file := filepath.Join(root, c.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := containerLimit(root); got != c.want {
			t.Errorf("%s: %d, want %d", c.reason, got, c.want)
		}
	}
}

// TestTuneMemory: the operator's own settings win.
func TestTuneMemory(t *testing.T) { //nolint:paralleltest // it changes the whole process
	percent := debug.SetGCPercent(77)
	defer debug.SetGCPercent(percent)
	limit := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(limit)
	tuneMemory([]string{"GOGC=77", "GOMEMLIMIT=1GiB"})()
	if got := debug.SetGCPercent(77); got != 77 {
		t.Errorf("GOGC=77 became %d", got)
	}
	if got := debug.SetMemoryLimit(-1); got != limit {
		t.Errorf("the limit became %d", got)
	}
	tuneMemory([]string{"GOGC=", "GOMEMLIMIT=1GiB"})() // empty is not set
	if got := debug.SetGCPercent(percent); got < 100 || got > maxPercent {
		t.Errorf("without GOGC: %d", got)
	}
}
