package transport

import (
	"context"
	"sync"
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

// Drain makes /readyz fail, refuses new streams, cuts the open ones so that their clients resume on another instance, and
// waits until they are over or ctx ends.
func (t *Transport) Drain(ctx context.Context) error {
	for _, cut := range t.live.stop() {
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
