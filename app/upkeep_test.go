package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/config"
	"studychat/db/sqlstore"
)

// diary is a store that records its calls.
type diary struct {
	mu     sync.Mutex
	epochs int
	lines  []string
	fail   error
	hang   bool // until the context ends
}

func (d *diary) CheckEpoch(context.Context) (int64, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.epochs++
	return 1, false, d.fail
}

func (d *diary) Prune(ctx context.Context, before time.Time) (sqlstore.PruneResult, error) {
	return d.note(ctx, "prune", before)
}

func (d *diary) RemoveTombstones(ctx context.Context, before time.Time) (sqlstore.PruneResult, error) {
	return d.note(ctx, "tombstones", before)
}

func (d *diary) note(ctx context.Context, what string, before time.Time) (sqlstore.PruneResult, error) {
	d.mu.Lock()
	d.lines = append(d.lines, fmt.Sprint(what, " ", time.Since(before)))
	fail, hang := d.fail, d.hang
	d.mu.Unlock()
	if hang {
		<-ctx.Done()
		fail = ctx.Err()
	}
	return sqlstore.PruneResult{Chats: 1}, fail
}

func (d *diary) read() (lines []string, epochs int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.lines...), d.epochs
}

func TestUpkeep(t *testing.T) {
	t.Parallel()
	const days = 24 * time.Hour
	for _, test := range []struct {
		reason    string
		retention time.Duration
		fail      error
		each      []string // of one run
	}{
		{"retention is off: only tombstones go", 0, nil, []string{"tombstones 720h0m0s"}},
		{"retention of a week", 7 * days, nil, []string{"tombstones 720h0m0s", "prune 168h0m0s"}},
		{"failures do not end it", 7 * days, errors.New("down"), []string{"tombstones 720h0m0s", "prune 168h0m0s"}},
	} {
		t.Run(test.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &diary{fail: test.fail}
				stop := upkeep{store: store, retention: test.retention, log: slog.New(slog.NewTextHandler(t.Output(), nil))}.start(t.Context())
				<-time.After(firstPrune)
				synctest.Wait()
				lines, epochs := store.read()
				if got, want := strings.Join(lines, ", "), strings.Join(test.each, ", "); got != want {
					t.Errorf("after the first minutes: %q, want %q", got, want)
				}
				if epochs < 27 || epochs > 34 {
					t.Errorf("the epoch was checked %d times in 5 minutes", epochs)
				}
				<-time.After(10 * pruneEvery)
				synctest.Wait()
				lines, _ = store.read()
				if n := len(lines) / len(test.each); n < 10 || n > 12 {
					t.Errorf("%d runs in 10 hours: %v", n, lines)
				}
				stop()
				<-time.After(10 * pruneEvery)
				if after, _ := store.read(); len(after) != len(lines) {
					t.Errorf("it continues after stop: %v", after)
				}
			})
		})
	}
}

// TestUpkeepEndsInTime checks that a hanging run ends at its deadline, and at once after stop.
func TestUpkeepEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &diary{hang: true}
		stop := upkeep{store: store, log: slog.New(slog.NewTextHandler(t.Output(), nil))}.start(t.Context())
		<-time.After(firstPrune + pruneTimeout + 2*pruneEvery)
		synctest.Wait()
		if lines, _ := store.read(); len(lines) < 2 {
			t.Errorf("the first run never ended: %v", lines)
		}
		<-time.After(pruneEvery) // lets the current run or wait end
		before := time.Now()
		stop()
		if took := time.Since(before); took > 0 {
			t.Errorf("stop took %s", took)
		}
	})
}

// TestPrunedWhileServed prunes under a running server. A stream that resumes from an earlier cursor gets a reset, a
// live one continues, and reads, even from the cache, return the remaining events.
func TestPrunedWhileServed(t *testing.T) {
	t.Parallel()
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			settings := w.settings(t)
			i := start(t, settings...)
			chat, cursor := i.newChat()
			live := i.follow(chat, cursor)
			i.message(chat, "old secret")
			live.wantMessage(2, "old secret")
			for range 2 {
				i.must(readChat, vars{"id": chat})
			}
			before := time.Now()
			i.message(chat, "new")
			live.wantMessage(3, "new")
			i.must(readChat, vars{"id": chat})

			// The hourly run of another instance.
			other := openApp(t, settings)
			if result, err := other.Prune(t.Context(), before); err != nil || result.Messages != 1 {
				t.Fatalf("%+v, %v", result, err)
			}
			if a := i.must(readChat, vars{"id": chat}); strings.Contains(a.raw, "old secret") || !strings.Contains(a.raw, "new") {
				t.Errorf("the chat reads %s", a.raw)
			}
			back := i.follow(chat, cursor)
			reset := back.next()
			if reset.Kind != "StreamReset" || reset.Reason != "EXPIRED" {
				t.Fatalf("a cursor below the floor gives %+v, want StreamReset EXPIRED", reset)
			}
			back.wantMessage(3, "new")
			i.message(chat, "newer")
			live.wantMessage(4, "newer")
			back.wantMessage(4, "newer")
			i.follow(chat, reset.Cursor).wantMessage(3, "new")
		})
	}
}

// openApp opens only the store and guard of a server with these settings.
func openApp(t *testing.T, settings []string) *sqlstore.Store {
	t.Helper()
	values, err := config.Read(settings)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	t.Cleanup(func() {
		if err := a.unwind(); err != nil {
			t.Error(err)
		}
	})
	store, err := a.openStore(t.Context(), values, a.openRedis(t.Context(), values))
	if err != nil {
		t.Fatal(err)
	}
	return store
}
