package app

import (
	"runtime/metrics"
	"time"
)

// When memory is given back to the system although Go would not do it yet. After a burst of handshakes a process is quiet, and holds as
// much garbage as subscriptions: Go collects when as much again is allocated, or after two minutes, and then keeps most of the memory.
const (
	// A turn is quiet if less was allocated in it than the greater of these: pings and pongs are. At that rate a collection is far
	// away, and what is given back is not needed again soon.
	quietShare = 64 // part of what is in use
	quietBytes = 512 << 10

	// It must be worth the work: more than the greater of these.
	backShare = 4 // part of what is in use
	backBytes = 4 << 20

	// backPause is how often the time that it took passes until the next time: at most 2 % of a core.
	backPause = 50
)

// memoryUse is in bytes.
type memoryUse struct {
	live      uint64 // was in use after the last collection
	objects   uint64 // in use, and garbage
	free      uint64 // for new objects, and not given back
	allocated uint64 // since the start
}

func readMemory() memoryUse {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"},
	}
	metrics.Read(samples)
	at := func(i int) uint64 { return samples[i].Value.Uint64() }
	return memoryUse{live: at(0), objects: at(1), free: at(2), allocated: at(3)}
}

// giveBack decides when memory is given back.
type giveBack struct {
	allocated uint64 // at the last turn
	notBefore time.Time
}

// due is asked once in each turn.
func (g *giveBack) due(m memoryUse, now time.Time) bool {
	turn := m.allocated - g.allocated
	g.allocated = m.allocated
	back := m.free + m.objects - min(m.live, m.objects)
	return turn <= max(m.live/quietShare, quietBytes) && back > max(m.live/backShare, backBytes) && !now.Before(g.notBefore)
}

func (g *giveBack) done(began, ended time.Time) {
	g.notBefore = ended.Add(backPause * ended.Sub(began))
}
