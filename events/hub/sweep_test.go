package hub

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"studychat/events"
)

// What was stamped early and committed late is found, as is what was stamped by a clock that was set back.
func TestSweepFindsOldStamps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		lag    time.Duration // of the stamp
		behind time.Duration // of the horizon, until the commit
		after  time.Duration // of the horizon, from then on
		within time.Duration
	}{
		{"an ordinary write", 100 * time.Millisecond, 600 * time.Millisecond, 600 * time.Millisecond, 310 * time.Millisecond},
		{"beside a transaction that stays open", 100 * time.Millisecond, 40 * time.Second, 40 * time.Second, 310 * time.Millisecond},
		{"a write that took long, and was the oldest transaction", 39 * time.Second, 40 * time.Second, 0, 310 * time.Millisecond},
		{"a write that took long, beside one that stays open", 39 * time.Second, 40 * time.Second, 40 * time.Second, 6 * time.Second},
		{"the clock was set back", 4 * time.Second, 0, 0, 6 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo := newFakeLog()
				var lag, behind atomic.Int64
				behind.Store(int64(c.behind))
				repo.lag = func() time.Duration { return time.Duration(lag.Load()) }
				repo.horizon = func() time.Duration { return time.Duration(behind.Load()) }
				h := startHub(t, repo, events.NewMemoryBus())
				repo.create(chatA, "ann")
				for range 20 { // at different moments between two far sweeps
					lag.Store(int64(45 * time.Second))
					s := follow(t, h, "ann", chatA, -1)
					sleep(10*time.Second + 170*time.Millisecond)
					lag.Store(int64(c.lag))
					event, begun := repo.send(chatA, "ann", "nobody was told"), time.Now()
					behind.Store(int64(c.after))
					expect(t, s, fmt.Sprintf("1.%d", event.Seq))
					if took := time.Since(begun); took > c.within {
						t.Errorf("found after %v, want at most %v", took, c.within)
					}
					s.Close()
					behind.Store(int64(c.behind))
				}
			})
		})
	}
}

// A gap long after the last sweep: the sweep that follows begins where that one ended.
func TestSweepAfterAGapBeginsWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		sleep(20 * time.Second)
		for n := repo.count("Changes"); repo.count("Changes") == n; {
			sleep(time.Millisecond)
		}
		event := repo.send(chatA, "ann", "just after a sweep")
		sleep(3500 * time.Millisecond)
		begun := time.Now()
		bus.sink.Gap(events.ChatTopic(chatA).Partition())
		expect(t, s, fmt.Sprintf("1.%d", event.Seq))
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// When there is too much to read, the heads are compared.
func TestSweepOfTooMuch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		do     func(repo *fakeLog)
	}{
		{"too many chats have changed", func(repo *fakeLog) {
			for n := range 2 * sweepChanges {
				repo.create(fmt.Sprint("!", n), "eve") // these ids come first
			}
		}},
		{"the database was away for long", func(repo *fakeLog) {
			up := time.Now().Add(2 * sweepMemory)
			repo.beforeReads(func(context.Context, string) error {
				if time.Now().Before(up) {
					return errFake
				}
				return nil
			})
			sleep(2 * sweepMemory)
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo := newFakeLog()
				h := startHub(t, repo, events.NewMemoryBus())
				repo.create(chatA, "ann")
				s := follow(t, h, "ann", chatA, -1)
				sleep(10 * time.Second)
				repo.send(chatA, "ann", "nobody was told")
				c.do(repo)
				begun := time.Now()
				expect(t, s, "1.2")
				if took := time.Since(begun); took > 2*time.Second {
					t.Errorf("found after %v", took)
				}
			})
		})
	}
}

// Each topic is compared with its head in its turn, however often the hub sweeps.
func TestSweepComparesInTurn(t *testing.T) {
	t.Parallel()
	for _, state := range []events.State{events.Degraded, events.Healthy} {
		synctest.Test(t, func(t *testing.T) {
			repo := newFakeLog()
			h := startHub(t, repo, (&network{}).bus(state))
			repo.create(chatA, "ann")
			defer follow(t, h, "ann", chatA, -1).Close()
			sleep(compareEvery)
			before := repo.count("Heads")
			sleep(10 * compareEvery)
			if n := repo.count("Heads") - before; n < 9 || n > 11 {
				t.Errorf("state %v: compared %d times in 10 turns", state, n)
			}
		})
	}
}

// A new epoch is found by the next sweep, also where nothing happens.
func TestSweepFindsANewEpoch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		sleep(10 * time.Second)
		repo.restore(1, true)
		begun := time.Now()
		expect(t, s, "EPOCH:2.1")
		if took := time.Since(begun); took > 310*time.Millisecond {
			t.Errorf("found after %v", took)
		}
	})
}

// A slow database is asked less often.
func TestSweepsOfASlowDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		defer follow(t, h, "ann", chatA, -1).Close()
		repo.beforeReads(func(_ context.Context, method string) error {
			if method == "Changes" {
				sleep(500 * time.Millisecond)
			}
			return nil
		})
		sleep(2 * time.Second)
		before := repo.count("Changes")
		sleep(25 * time.Second)
		if n := repo.count("Changes") - before; n < 13 || n > 20 {
			t.Errorf("%d sweeps of half a second in 25 s", n)
		}
	})
}
