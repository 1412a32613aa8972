package state

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	if os.Getenv("STATE_SEED") != "" {
		trailLength = 1 << 20
	}
	goleak.VerifyTestMain(m)
}

// silence keeps the client from logging every failure that these tests provoke.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// dice are one stream of random choices, for many goroutines. In a bubble, whose goroutines mostly run one at a time, a
// seed gives nearly the same run again; what the code under test draws for itself (jitter, tokens) is not seeded.
type dice struct {
	mu     sync.Mutex
	source *rand.Rand
}

func newDice(seed uint64, who uint64) *dice {
	return &dice{source: rand.New(rand.NewPCG(seed, who))}
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source.IntN(n)
}

func (d *dice) chance(p float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source.Float64() < p
}

func (d *dice) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.source.Int64N(int64(most)))
}

func oneOf[T any](d *dice, from []T) T { return from[d.n(len(from))] }

// pause waits; in a bubble that costs no time.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
