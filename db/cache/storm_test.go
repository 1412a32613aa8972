package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// storm runs readers and writers on three instances at once, some writers dying before finish, while trouble goes on.
// Every read must see at least what was answered before it began.
type storm struct {
	store    *fakeStore
	guard    db.WriteGuard // instead of the instances' own, if set
	rigs     []*rig
	chats    []*db.Chat
	rowLocks []sync.Mutex
	answered []atomic.Int64
	stale    atomic.Int64
	reads    atomic.Int64
}

func newStorm(t *testing.T, addr string, options tuning) *storm {
	s := &storm{store: newFakeStore(), rowLocks: make([]sync.Mutex, 12), answered: make([]atomic.Int64, 12)}
	for range 3 {
		s.rigs = append(s.rigs, started(t, newRig(t, s.store, addr, options, Options{LeaseTTL: 20 * time.Millisecond})))
	}
	for i := range s.rowLocks {
		chat := s.store.newChat("ann", fmt.Sprint("user", i%3))
		s.chats = append(s.chats, chat)
		s.answered[i].Store(chat.HeadSeq)
	}
	return s
}

// pause gives the others a turn, for a random time.
func pause() {
	timer := time.NewTimer(rand.N(300 * time.Microsecond))
	defer timer.Stop()
	<-timer.C
}

func (s *storm) write(t *testing.T) {
	i, r := rand.IntN(len(s.chats)), s.rigs[rand.IntN(len(s.rigs))]
	guard := s.guard
	if guard == nil {
		guard = r.guard
	}
	s.rowLocks[i].Lock()
	w := s.store.begin(t.Context(), guard, s.chats[i].ID)
	pause()
	switch rand.IntN(40) {
	case 0: // rolled back
		s.rowLocks[i].Unlock()
		w.finished(db.RolledBack)
		return
	case 1: // dies
		w.commit()
		s.rowLocks[i].Unlock()
		return
	}
	w.commit()
	s.rowLocks[i].Unlock()
	pause()
	w.finished(db.Committed)
	s.raise(i, w.next.HeadSeq)
}

func (s *storm) raise(i int, version int64) {
	for {
		old := s.answered[i].Load()
		if old >= version || s.answered[i].CompareAndSwap(old, version) {
			return
		}
	}
}

func (s *storm) read(t *testing.T) {
	i, r := rand.IntN(len(s.chats)), s.rigs[rand.IntN(len(s.rigs))]
	want := s.answered[i].Load()
	got, err := s.version(t, i, r)
	if err != nil {
		t.Error(err)
	}
	s.reads.Add(1)
	if got < want {
		s.stale.Add(1)
	}
}

// version reads a chat, or one of the lists that it is on.
func (s *storm) version(t *testing.T, i int, r *rig) (int64, error) {
	viewer := []string{"ann", fmt.Sprint("user", i%3)}[rand.IntN(2)]
	if rand.IntN(2) == 0 {
		chat, err := r.cache.Chat(t.Context(), viewer, s.chats[i].ID)
		if err != nil {
			return 0, err
		}
		return chat.HeadSeq, nil
	}
	list, err := r.cache.Chats(t.Context(), viewer, nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		return 0, err
	}
	at := slices.IndexFunc(list.Chats, func(chat *db.Chat) bool { return chat.ID == s.chats[i].ID })
	if at < 0 {
		return 0, fmt.Errorf("the list of %s lacks a chat", viewer)
	}
	return list.Chats[at].HeadSeq, nil
}

// run keeps the workers going while trouble runs, and for so many reads after it.
func (s *storm) run(t *testing.T, trouble func()) {
	var workers sync.WaitGroup
	stop := make(chan struct{})
	for worker := range 12 {
		workers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if worker%6 == 0 {
					s.write(t)
				} else {
					s.read(t)
				}
				pause()
			}
		})
	}
	defer workers.Wait()
	defer close(stop)
	trouble()
	s.await(t, 500)
}

// await lets so many reads happen.
func (s *storm) await(t *testing.T, reads int64) {
	t.Helper()
	until := s.reads.Load() + reads
	eventually(t, "reads go on", func() bool { return s.reads.Load() >= until })
}

func (s *storm) report(t *testing.T) {
	t.Helper()
	var hits, fills int64
	for _, r := range s.rigs {
		stats := r.guard.Stats()
		hits, fills = hits+stats.Hits, fills+stats.Fills
	}
	t.Logf("%d reads, %d hits, %d fills, %d stale", s.reads.Load(), hits, fills, s.stale.Load())
	if hits < 100 || fills < 30 {
		t.Error("little came from the cache: the storm shows nothing")
	}
}

func stormOptions() tuning {
	return tuning{MarkTTL: 30 * time.Millisecond, ProbeEvery: 20 * time.Millisecond}
}

func TestStorm(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(ctx context.Context, c *redis.Client) error{
		"quiet": func(context.Context, *redis.Client) error { return nil },
		"client kill": func(ctx context.Context, c *redis.Client) error {
			return c.ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Err()
		},
		"flush":        func(ctx context.Context, c *redis.Client) error { return c.FlushAll(ctx).Err() },
		"script flush": func(ctx context.Context, c *redis.Client) error { return c.ScriptFlush(ctx).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRedis(t)
			client := dialPatient(t, server.Addr())
			s := newStorm(t, server.Addr(), stormOptions())
			s.run(t, func() {
				for range 50 {
					if err := trouble(t.Context(), client); err != nil {
						t.Error(err)
					}
					s.await(t, 50)
				}
			})
			s.report(t)
			if n := s.stale.Load(); n > 0 {
				t.Errorf("%d reads were stale", n)
			}
		})
	}
}

func TestStormWithRedisKilledAndRestarted(t *testing.T) {
	t.Parallel()
	server := newRedis(t)
	s := newStorm(t, server.Addr(), stormOptions())
	s.run(t, func() {
		for range 3 {
			s.await(t, 300)
			server.Kill()
			s.await(t, 300)
			server.Restart()
			eventually(t, "all use the cache again", func() bool {
				return !slices.ContainsFunc(s.rigs, func(r *rig) bool { return r.guard.state() != "ok" })
			})
		}
	})
	s.report(t)
	if n := s.stale.Load(); n > 0 {
		t.Errorf("%d reads were stale", n)
	}
}

func TestControlStormWithoutGuardIsCaught(t *testing.T) {
	t.Parallel()
	server := newRedis(t)
	s := newStorm(t, server.Addr(), stormOptions())
	s.guard = db.NoGuard{}
	s.run(t, func() { s.await(t, 1000) })
	if s.stale.Load() == 0 {
		t.Error("the storm is blind: nobody invalidates and no read was stale")
	}
}
