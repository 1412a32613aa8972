package transport

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"studychat/transport/connections"
)

// openStreams are the open sockets and event streams: http.Server.Shutdown neither touches hijacked sockets nor ends streams.
type openStreams struct {
	draining atomic.Bool // /readyz fails
	stopped  atomic.Bool // add fails; a socket asks before its upgrade, so that the answer can be a status

	mu     sync.Mutex
	all    map[stream]connections.Opening
	number uint64 // of the newest
	empty  sync.WaitGroup
	ended  connections.Endings
}

// stream is an open socket or event stream.
type stream interface {
	connections.Connection

	restart() // ends it so that its client comes back elsewhere
}

func newOpenStreams() *openStreams { return &openStreams{all: map[stream]connections.Opening{}} }

// add registers a stream until remove. It is false when this instance is stopping.
func (s *openStreams) add(one stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Load() {
		return false
	}
	s.number++
	s.all[one] = connections.Opening{Number: s.number, At: time.Now().UnixMilli()}
	s.empty.Add(1)
	return true
}

// remove is called when nothing of the stream is left. For a stream that is not registered it does nothing.
func (s *openStreams) remove(one stream) {
	s.mu.Lock()
	opening, open := s.all[one]
	delete(s.all, one)
	s.mu.Unlock()
	if open {
		s.ended.Add(connections.Entry{Opening: opening, Connection: one})
		s.empty.Done()
	}
}

// list returns the open streams.
func (s *openStreams) list() []connections.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := make([]connections.Entry, 0, len(s.all))
	for one, opening := range s.all {
		entries = append(entries, connections.Entry{Opening: opening, Connection: one})
	}
	return entries
}

// stop makes add and /readyz fail, and returns the open streams.
func (s *openStreams) stop() []stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining.Store(true)
	s.stopped.Store(true)
	return slices.Collect(maps.Keys(s.all))
}

// The open streams are disconnected in waves when the instance stops. Otherwise all clients would come back to the other
// instances in the same second.
const (
	waveGap  = 100 * time.Millisecond // between two waves, ± half of it
	waveSize = 50                     // streams, at least
	maxWaves = 20                     // so that all of it takes about 2 s
)

func (s *openStreams) drain(ctx context.Context) error {
	open := s.stop()
	rand.Shuffle(len(open), func(i, j int) { open[i], open[j] = open[j], open[i] })
	size := max(waveSize, (len(open)+maxWaves-1)/maxWaves)
	for i, one := range open {
		if i > 0 && i%size == 0 && !sleep(ctx, waveGap/2+rand.N(waveGap)) {
			size = len(open) // no time left: the rest at once
		}
		one.restart()
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

// Readiness is what /readyz shows: a word for each dependency, and whether this instance should get traffic.
type Readiness struct {
	Ready bool
	Parts map[string]string // such as "database": "ok", "redis": "degraded"
}

const readyTimeout = 2 * time.Second

// Livez says that the process runs. It asks no dependency: a slow database must not get this instance restarted.
func Livez(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, map[string]string{"status": "ok"})
}

// Readyz says whether this instance should get traffic, and the state of what it depends on.
func (t *Transport) Readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if t.streams.draining.Load() {
		writeHealth(w, http.StatusServiceUnavailable, map[string]string{"status": "stopping"})
		return
	}
	readiness := t.options.Ready(ctx)
	parts, status := map[string]string{"status": "ok"}, http.StatusOK
	if !readiness.Ready {
		parts["status"], status = "not ready", http.StatusServiceUnavailable
	}
	maps.Copy(parts, readiness.Parts)
	writeHealth(w, status, parts)
}

func writeHealth(w http.ResponseWriter, status int, parts map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(parts)
}
