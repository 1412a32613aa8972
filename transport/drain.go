package transport

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// openStreams are the open sockets and event streams: http.Server.Shutdown neither touches hijacked sockets nor ends streams.
type openStreams struct {
	draining atomic.Bool // /readyz fails
	stopped  atomic.Bool // add fails; a socket asks before its upgrade, so that the answer can be a status

	mu          sync.Mutex
	disconnects map[*func()]struct{}
	empty       sync.WaitGroup
}

func newOpenStreams() *openStreams { return &openStreams{disconnects: map[*func()]struct{}{}} }

// add registers a stream. disconnect ends it so that its client comes back elsewhere; the stream calls remove when it is
// over. ok is false when this instance is stopping.
func (s *openStreams) add(disconnect func()) (remove func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		return nil, false
	}
	s.disconnects[&disconnect] = struct{}{}
	s.empty.Add(1)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.disconnects, &disconnect)
		s.mu.Unlock()
		s.empty.Done()
	}), true
}

// stop makes add and /readyz fail, and returns how to disconnect each stream.
func (s *openStreams) stop() []*func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	s.stopped.Store(true)
	return slices.Collect(maps.Keys(s.disconnects))
}

// The open streams are disconnected in waves when the instance stops. Otherwise all clients would come back to the other
// instances in the same second.
const (
	waveGap  = 100 * time.Millisecond // between two waves, ± half of it
	waveSize = 50                     // streams, at least
	maxWaves = 20                     // so that all of it takes about 2 s
)

func (s *openStreams) drain(ctx context.Context) error {
	disconnects := s.stop()
	rand.Shuffle(len(disconnects), func(i, j int) { disconnects[i], disconnects[j] = disconnects[j], disconnects[i] })
	size := max(waveSize, (len(disconnects)+maxWaves-1)/maxWaves)
	for i, disconnect := range disconnects {
		if i > 0 && i%size == 0 && !sleep(ctx, waveGap/2+rand.N(waveGap)) {
			size = len(disconnects) // no time left: the rest at once
		}
		(*disconnect)()
	}
	over := make(chan struct{})
	go func() {
		s.empty.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sleep waits for d. It returns false as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
