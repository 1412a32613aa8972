package app

import (
	"testing"
	"time"
)

// TestGiveBack: memory is given back when the process is quiet and there is enough to give back.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		reason string
		use    memoryUse // allocated: in the last turn
		want   bool
	}{
		{"a burst has ended", memoryUse{live: 50 * mb, objects: 90 * mb}, true},
		{"it goes on", memoryUse{live: 50 * mb, objects: 90 * mb, allocated: mb}, false},
		{"pings and pongs", memoryUse{live: 50 * mb, objects: 90 * mb, allocated: mb / 2}, true},
		{"Go has collected, and keeps the memory", memoryUse{live: 50 * mb, objects: 50 * mb, free: 20 * mb}, true},
		{"nothing to give back", memoryUse{live: 50 * mb, objects: 51 * mb, free: mb}, false},
		{"too little of what is in use", memoryUse{live: 400 * mb, objects: 490 * mb}, false},
		{"a small process after its start, which Go has never collected", memoryUse{objects: 10 * mb}, true},
		{"a small process with little garbage", memoryUse{live: 3 * mb, objects: 6 * mb}, false},
		{"the counts are not of the same moment", memoryUse{live: 50 * mb, objects: 49 * mb}, false},
	} {
		var g giveBack
		before := memoryUse{allocated: 7 * mb}
		g.due(before, time.Now())
		c.use.allocated += before.allocated
		if got := g.due(c.use, time.Now()); got != c.want {
			t.Errorf("%s: %t", c.reason, got)
		}
	}
}

// TestGiveBackTakesLittleTime: what took long is not repeated soon.
func TestGiveBackTakesLittleTime(t *testing.T) {
	t.Parallel()
	var g giveBack
	full := memoryUse{objects: 100 << 20}
	began := time.Now()
	ended := began.Add(100 * time.Millisecond)
	g.done(began, ended)
	if g.due(full, ended.Add(4*time.Second)) {
		t.Error("too soon")
	}
	if !g.due(full, ended.Add(5*time.Second)) {
		t.Error("never again")
	}
}

func TestReadMemory(t *testing.T) {
	t.Parallel()
	if m := readMemory(); m.objects == 0 || m.allocated < m.objects {
		t.Errorf("%+v", m)
	}
}
