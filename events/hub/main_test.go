package hub

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	yieldMembers = 3
	goleak.VerifyTestMain(m)
}

// sleep waits in tests that run in a bubble of testing/synctest, where it costs no time.
func sleep(d time.Duration) {
	<-time.After(d)
}

// discard is for tests that provoke errors.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
