package transport

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// liveSet is the registry of open streams: http.Server.Shutdown neither touches hijacked sockets nor ends streams.
type liveSet struct {
	mu      sync.Mutex
	leaving bool // readiness fell
	stopped bool
	cuts    map[*member]func()
	empty   sync.WaitGroup
}

type member struct{ _ byte } // not empty: the addresses of empty structs may be equal

func newLiveSet() *liveSet { return &liveSet{cuts: map[*member]func(){}} }

// enter adds a stream; cut ends it so that its client comes back elsewhere. False: we are stopping, come back elsewhere
// at once. The stream calls leave when it is over.
func (l *liveSet) enter(cut func()) (leave func(), ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil, false
	}
	key := &member{}
	l.cuts[key] = cut
	l.empty.Add(1)
	return sync.OnceFunc(func() {
		l.mu.Lock()
		delete(l.cuts, key)
		l.mu.Unlock()
		l.empty.Done()
	}), true
}

func (l *liveSet) draining() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leaving || l.stopped
}

// refuses says whether enter would: asked before a request is upgraded, so that the answer can be a status.
func (l *liveSet) refuses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

// stop makes readiness fall and lets nobody in any more.
func (l *liveSet) stop() []func() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = true
	cuts := make([]func(), 0, len(l.cuts))
	for _, cut := range l.cuts {
		cuts = append(cuts, cut)
	}
	return cuts
}

// Leave makes /readyz fail and nothing else: balancers send new clients elsewhere.
func (t *Transport) Leave() {
	t.live.mu.Lock()
	defer t.live.mu.Unlock()
	t.live.leaving = true
}

// Waves: how the open streams are cut when the instance stops. All at once, they would all come back to the other
// instances in the same second.
const (
	waveGap  = 100 * time.Millisecond // between two waves, ± half of it
	waveSize = 50                     // streams, at least
	maxWaves = 20                     // so that all of it takes about 2 s
)

// Drain makes /readyz fail, refuses new streams, cuts the open ones in jittered waves, so that their clients resume on
// other instances, and waits until they are over or ctx ends.
func (t *Transport) Drain(ctx context.Context) error {
	cuts := t.live.stop()
	rand.Shuffle(len(cuts), func(i, j int) { cuts[i], cuts[j] = cuts[j], cuts[i] })
	size := max(waveSize, (len(cuts)+maxWaves-1)/maxWaves)
	for i, cut := range cuts {
		if i > 0 && i%size == 0 && !pause(ctx, waveGap/2+rand.N(waveGap)) {
			size = len(cuts) // no time left: the rest at once
		}
		cut()
	}
	over := make(chan struct{})
	go func() {
		t.live.empty.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
