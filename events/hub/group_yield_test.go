package hub

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
)

// TestGroupYields: a round gives way to what has arrived from the network, on a single processor too. Otherwise the sends of what the
// next round delivers wait for the end of this one at each of their steps.
func TestGroupYields(t *testing.T) { //nolint:paralleltest // it takes the processors
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w := newGroupWorld(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	members := int64(16 * yieldMembers)
	var offers atomic.Int64
	offered := func(m *sharing) {
		m.refuses = func() bool {
			if offers.Add(1) == 1 {
				_, _ = write.Write([]byte("x")) // arrives in the round
			}
			return false
		}
	}
	all := make([]*sharing, members)
	for i := range all {
		all[i] = w.follow("ann", -1, &audience{key: "all"}, offered)
	}
	for _, m := range all {
		for !inGroup(m.stream) {
			runtime.Gosched()
		}
	}
	found := make(chan int64)
	go func() {
		_, _ = read.Read(make([]byte, 1))
		found <- offers.Load()
	}()
	w.send(1)
	if n := <-found; n == 0 || n == members {
		t.Errorf("what arrived in a round to %d members was read after %d of them", members, n)
	}
	for _, m := range all {
		for m.at() != 2 {
			runtime.Gosched()
		}
		m.check(2)
	}
	_, _ = read.Close(), write.Close()
}
