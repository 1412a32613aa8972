package redisbus

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/events"
	"studychat/events/eventstest"
)

// recorder is a sink that notes gaps and states too.
type recorder struct {
	eventstest.Recorder

	mu   sync.Mutex
	gaps []int
	seen []events.State
}

func startBus(t *testing.T, bus events.Bus) *recorder {
	t.Helper()
	return eventstest.StartBus(t, bus, &recorder{})
}

// Gap implements events.Sink.
func (r *recorder) Gap(partition int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, partition)
}

// StateChanged implements events.Sink.
func (r *recorder) StateChanged(s events.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

// Has says whether a notification with the word came.
func (r *recorder) Has(word string) bool { return slices.Contains(strings.Fields(r.All()), word) }

// Gapped says whether a gap of the partition was reported.
func (r *recorder) Gapped(partition int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.gaps, partition)
}

// States returns the states in the order of their changes.
func (r *recorder) States() []events.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// Forget forgets everything.
func (r *recorder) Forget() {
	r.Recorder.Forget()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps, r.seen = nil, nil
}

// eventually polls until the condition holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}
