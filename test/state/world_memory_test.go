package state

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
)

// memoryWorld is the world of a bubble.
type memoryWorld struct {
	server *memoryRedis
	model  *model
}

func newMemoryWorld(seed uint64) *memoryWorld {
	return &memoryWorld{server: newMemoryRedis(newDice(seed, 50), time.Millisecond), model: newModel()}
}

func (w *memoryWorld) redis() service { return w.server }
func (w *memoryWorld) client(hooks ...redis.Hook) redis.UniversalClient {
	return w.server.client(hooks...)
}
func (w *memoryWorld) bus() events.Bus                 { return newMemoryBus(w.server) }
func (w *memoryWorld) bumpEpoch(context.Context) error { w.model.bumpEpoch(); return nil }
func (w *memoryWorld) timeout() time.Duration          { return 50 * time.Millisecond }
func (w *memoryWorld) unit() time.Duration             { return time.Millisecond }
func (w *memoryWorld) memory() bool                    { return true }
func (w *memoryWorld) close()                          { _ = w.server.Close() }

func (w *memoryWorld) store(guard db.WriteGuard) store {
	s := w.model.open(guard)
	return store{Repository: s, seenEpoch: s.seenEpoch, databaseID: func() (string, error) { return "", nil }, close: func() {}, Reporter: s, startPulse: s.startPulse,
		prune: func(ctx context.Context, chatID string, floor int64) error { s.prune(ctx, chatID, floor); return nil }}
}

// seeds are the seeds to play: the first n, or as many as STATE_SEEDS says, or the one in STATE_SEED.
func seeds(t *testing.T, n uint64) []uint64 {
	t.Helper()
	if seed, ok := fromEnvironment(t, "STATE_SEED"); ok {
		return []uint64{seed}
	}
	if many, ok := fromEnvironment(t, "STATE_SEEDS"); ok {
		n = many
	}
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i)
	}
	return all
}

func fromEnvironment(t *testing.T, variable string) (n uint64, ok bool) {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n, true
}

// playInMemory plays a run in a bubble and checks it.
func playInMemory(t *testing.T, seed uint64, p parts, change func(*run)) (r *run, problems []string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := newMemoryWorld(seed)
		r = newRun(seed, w, p)
		if os.Getenv("STATE_SEED") != "" {
			w.server.trace = r.hist.note
		}
		if change != nil {
			change(r)
		}
		r.play()
	})
	return r, r.hist.validate(r.kind == lossy)
}

func TestStateInMemory(t *testing.T) {
	t.Parallel()
	all := seeds(t, memorySeeds)
	c := newCoverage()
	t.Cleanup(func() { // the seeds are parallel and end after this function
		if t.Logf("%v", c.counts); len(all) > 1 {
			c.check(t, len(all))
		}
	})
	for _, seed := range all {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			r, problems := playInMemory(t, seed, realParts(), nil)
			r.report(t, problems)
			c.add(r)
		})
	}
}
