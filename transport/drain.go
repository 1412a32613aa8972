package transport

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// openStreams are the open sockets and event streams: http.Server.Shutdown neither touches hijacked sockets nor ends streams.
type openStreams struct {
	mu          sync.Mutex
	leaving     bool // /readyz fails
	stopped     bool
	disconnects map[*member]func()
	empty       sync.WaitGroup
}

type member struct{ _ byte } // not empty: the addresses of empty structs may be equal

func newOpenStreams() *openStreams { return &openStreams{disconnects: map[*member]func(){}} }

// add registers a stream. disconnect ends it so that its client comes back elsewhere; the stream calls remove when it is
// over. ok is false when this instance is stopping.
func (s *openStreams) add(disconnect func()) (remove func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, false
	}
	key := &member{}
	s.disconnects[key] = disconnect
	s.empty.Add(1)
	return sync.OnceFunc(func() {
		s.mu.Lock()
		delete(s.disconnects, key)
		s.mu.Unlock()
		s.empty.Done()
	}), true
}

func (s *openStreams) draining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving || s.stopped
}

// closed says whether add would fail. A socket asks before its upgrade, so that the answer can be a status.
func (s *openStreams) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// stop makes add and /readyz fail, and returns how to disconnect each stream.
func (s *openStreams) stop() []func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	disconnects := make([]func(), 0, len(s.disconnects))
	for _, disconnect := range s.disconnects {
		disconnects = append(disconnects, disconnect)
	}
	return disconnects
}

func (s *openStreams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
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
		disconnect()
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
