package app

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How memory is collected, unless the operator says otherwise by GOGC or GOMEMLIMIT.
const (
	// freeGarbage is how much garbage may gather at least. Go collects when there is as much garbage as there is in use, and a server
	// without many streams uses 10 MB: under load it would collect all the time. With many streams, what is in use is larger than this, and Go's own rule holds: a larger share would be added to
	// the memory of each idle stream.
	freeGarbage = 32 << 20 // bytes

	tuneEvery = 500 * time.Millisecond

	// limitShare of the memory of the container is Go's soft limit; the rest is for what Go does not count. Near the limit Go
	// collects more often, instead of being killed.
	limitShare = 0.9
)

// tuneMemory sets how often memory is collected, for the process as a whole, until stop is called.
func tuneMemory(environ []string) (stop func()) {
	if limit := containerLimit("/sys/fs/cgroup"); limit > 0 && !isSet(environ, "GOMEMLIMIT") {
		debug.SetMemoryLimit(int64(float64(limit) * limitShare))
	}
	if isSet(environ, "GOGC") {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tuning sync.WaitGroup
	tuning.Go(func() { tune(ctx) })
	return func() { cancel(); tuning.Wait() }
}

func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		value, ok := strings.CutPrefix(entry, name+"=")
		return ok && value != ""
	})
}

// tune follows the memory in use, and gives back what is not.
func tune(ctx context.Context) {
	ticker := time.NewTicker(tuneEvery)
	defer ticker.Stop()
	var back giveBack
	for last := 0; ; {
		m := readMemory()
		if back.due(m, time.Now()) {
			began := time.Now()
			debug.FreeOSMemory()
			back.done(began, time.Now())
			m = readMemory()
		}
		// Setting the percentage stops all goroutines for some microseconds, so small changes wait.
		if percent := gcPercent(m.live); percent > last*11/10 || percent < last*9/10 {
			debug.SetGCPercent(percent)
			last = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// maxPercent is for a process that has just started.
const maxPercent = 400

// gcPercent is how much garbage may gather, in percent of what is in use.
func gcPercent(inUse uint64) int {
	return int(min(max(100, 100*freeGarbage/max(inUse, 1)), maxPercent))
}

// containerLimit is the memory limit of the container that the process runs in, or 0. Both versions of Linux's control groups
// write it into a file.
func containerLimit(root string) int64 {
	for _, file := range []string{"memory.max", "memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(filepath.Join(root, file)) //nolint:gosec // the kernel's files
		if err != nil {
			continue
		}
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit < unlimited { // version 2 writes "max"
			return limit
		}
	}
	return 0
}

// unlimited is below what version 1 writes where there is no limit, and above the memory of any machine.
const unlimited = 1 << 60
