package hub

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLog writes to the test's log. Errors, which are internal faults, fail the test.
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

// discard is for tests that provoke errors.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
