// Package eventstest has the behaviour suites of the contracts in package events, and what their tests share.
package eventstest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/events"
)

// Log writes to the test's log. Errors, which are internal faults, fail the test.
func Log(t testing.TB) *slog.Logger {
	return slog.New(&failOnError{slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}), t})
}

type failOnError struct {
	slog.Handler

	t testing.TB
}

func (h *failOnError) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		h.t.Errorf("logged as an error: %s", record.Message)
	}
	return h.Handler.Handle(ctx, record)
}

// Within is a context that ends soon: no test waits forever.
func Within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// Recorder is a sink that notes the notifications, one word each.
type Recorder struct {
	mu    sync.Mutex
	words []string
}

// Notified implements events.Sink.
func (r *Recorder) Notified(n events.Notification) {
	r.mu.Lock()
	defer r.mu.Unlock()
	word := string(n.Topic)
	if n.Seq > 0 {
		word += fmt.Sprint("@", n.Seq)
	}
	if n.Event != nil {
		word += "+event"
	}
	if n.Ephemeral != nil {
		word += fmt.Sprint("+", n.Ephemeral.Kind, ":", n.Ephemeral.User, ":", n.Ephemeral.ReadSeq)
	}
	r.words = append(r.words, word)
}

// Gap implements events.Sink.
func (r *Recorder) Gap(int) {}

// StateChanged implements events.Sink.
func (r *Recorder) StateChanged(events.State) {}

// All returns the words of all notifications.
func (r *Recorder) All() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.words, " ")
}

// Forget forgets everything.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.words = nil
}
