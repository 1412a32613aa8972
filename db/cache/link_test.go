package cache

import (
	"context"
	"os"
	"testing"
	"time"
)

// late is a context whose deadline is over before its timer has fired. The connection's own timer, which was given the
// same deadline, has.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return time.Now(), true }

func TestCallerWhoGivesUpIsNoFault(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	patient, cancelPatient := context.WithTimeout(t.Context(), time.Hour)
	defer cancelPatient()
	for _, c := range []struct {
		reason string
		ctx    context.Context
		counts int64
	}{
		{"the caller has gone", cancelled, 0},
		{"its time is over, and the connection has seen it first", late{t.Context()}, 0},
		{"control: it would have waited", patient, 1},
		{"control: it would have waited for ever", t.Context(), 1},
	} {
		l := &link{timeout: time.Minute, breaker: new(breaker), stats: new(counters), failed: func() {}}
		err := l.request(c.ctx, func(context.Context) error { return os.ErrDeadlineExceeded })
		if got := l.stats.redisFailures.Load(); got != c.counts || err == nil {
			t.Errorf("%s: %d failures of Redis, %v", c.reason, got, err)
		}
	}
}
