package events

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog writes to the test's log; errors, which are faults of ours, fail the test.
func testLog(t testing.TB) *slog.Logger {
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

// sleep waits in tests that run in a bubble of testing/synctest, where it costs no time.
func sleep(d time.Duration) {
	<-time.After(d)
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

// within is a context that ends soon: no test waits for ever.
func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// discard is for tests that provoke errors.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
