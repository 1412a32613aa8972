package sqlstore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// pulsing is a store with a pulse, of which each is told.
func pulsing(t *testing.T, url string, guard db.WriteGuard) (store *sqlstore.Store, pulses <-chan db.Pulse) {
	t.Helper()
	store = openStore(t, url, sqlstore.OpenOptions{Guard: guard})
	return store, listen(t, store)
}

// listen starts the pulse. The channel has the newest one that was not read yet.
func listen(t *testing.T, store *sqlstore.Store) <-chan db.Pulse {
	pulses := make(chan db.Pulse, 1)
	t.Cleanup(store.StartPulse(t.Context(), func(p db.Pulse) {
		select {
		case <-pulses:
		default:
		}
		pulses <- p
	}))
	return pulses
}

// pulseThat waits for a pulse of which it holds.
func pulseThat(t *testing.T, pulses <-chan db.Pulse, what string, holds func(db.Pulse) bool) db.Pulse {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case p := <-pulses:
			if holds(p) {
				return p
			}
		case <-deadline:
			t.Fatalf("no pulse: %s", what)
		}
	}
}

// dawdler holds commits back for a random time.
type dawdler struct{ most time.Duration }

func (d dawdler) Mark(ctx context.Context, _ ...db.Write) func(db.Outcome) {
	timer := time.NewTimer(rand.N(d.most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return func(db.Outcome) {}
}

// TestHorizon has writers whose commits take up to a second and a half. Whatever a read finds before the horizon is what will
// ever be there. The control, the time itself, is not like that.
func TestHorizon(t *testing.T) {
	t.Parallel()
	store, pulses := pulsing(t, postgres(t), dawdler{1500 * time.Millisecond})
	const writers, messages = 6, 6
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			chat := db.NewID()
			if _, err := store.CreateChat(t.Context(), "ann", db.NewChat{ID: chat, Title: "Title"}); err != nil {
				t.Error(err)
			}
			for range messages {
				message := db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "text"}
				if _, err := store.SendMessage(t.Context(), "ann", message); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	before := func(at time.Time) (n int) {
		if err := store.Bun().NewRaw("SELECT COUNT(*) FROM messages WHERE created_at < ?", at).Scan(t.Context(), &n); err != nil {
			t.Error(err)
		}
		return n
	}
	type look struct {
		at   time.Time
		seen int
	}
	var horizons, times []look
	for going := true; going; {
		select {
		case <-done:
			going = false
		case <-pulses:
			at := store.Horizon()
			horizons = append(horizons, look{at, before(at)})
			at = store.Now()
			times = append(times, look{at, before(at)})
		}
	}
	more := func(looks []look) (late int) {
		for _, l := range looks {
			late += before(l.at) - l.seen
		}
		return late
	}
	if late := more(horizons); late != 0 || len(horizons) < 3 {
		t.Errorf("%d messages came in before a horizon after it had been read, of %d horizons", late, len(horizons))
	}
	if late := more(times); late == 0 {
		t.Error("the control missed nothing: commits were not late")
	}
	last := pulseThat(t, pulses, "with all messages behind it", func(db.Pulse) bool { return before(store.Horizon()) == writers*messages })
	if behind := store.Now().Sub(last.Horizon); behind > 2*time.Second {
		t.Errorf("nobody writes, and the horizon is %v behind", behind)
	}
}

func TestPulse(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store, pulses := pulsing(t, url, db.NoGuard{})
		first := store.Pulse()
		if first == nil || first.Epoch != 1 || len(first.Outages) != 0 {
			t.Fatalf("the first pulse is %+v", first)
		}
		if behind := store.Now().Sub(store.Horizon()); behind < -time.Second || behind > time.Minute { // Now is measured
			t.Errorf("the horizon is %v behind", behind)
		}
		if off := store.ClockOffset().Abs(); off > time.Second {
			t.Errorf("the clock of the same machine is %v off", off)
		}
		for instance, lasts := range map[string]time.Duration{"here": time.Hour, "gone": -time.Minute} {
			if err := store.ReportOutage(t.Context(), instance, time.Second, lasts); err != nil {
				t.Fatal(err)
			}
		}
		pulseThat(t, pulses, "with both outages", func(p db.Pulse) bool {
			over := map[string]bool{}
			for _, o := range p.Outages {
				over[o.Instance] = o.Over
			}
			return len(over) == 2 && !over["here"] && over["gone"]
		})
		for _, instance := range []string{"here", "gone"} {
			if err := store.EndOutage(t.Context(), instance); err != nil {
				t.Fatal(err)
			}
		}
		pulseThat(t, pulses, "without outages", func(p db.Pulse) bool { return len(p.Outages) == 0 })
		if _, after, err := store.BumpEpoch(t.Context()); err != nil {
			t.Fatal(err)
		} else {
			pulseThat(t, pulses, "of the new epoch", func(p db.Pulse) bool { return p.Epoch == after })
		}
	})
}
