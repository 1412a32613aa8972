package cache

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/db"
	"studychat/testservices"
)

// tuned are the options of the real client, for Redis in any shape.
func tuned(addrs ...string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: addrs, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		MinRetryBackoff: -1, MaxRetryBackoff: -1,
		DialTimeout: 200 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond,
		PoolTimeout: 50 * time.Millisecond, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   EachTry(new(net.Dialer).DialContext),
	}
}

// rigOn makes an instance on a Redis in any shape.
func rigOn(t *testing.T, store *fakeStore, client redis.UniversalClient) *rig {
	t.Helper()
	t.Cleanup(func() { _ = client.Close() })
	guard := NewGuard(client, patient(impatient(), t))
	c := New(store, guard, Options{})
	t.Cleanup(c.Stop)
	return started(t, &rig{store: store, guard: guard, cache: c})
}

// contest has two instances write and read the same chats in turn until stop, and counts reads that began after a
// write was answered and saw older.
type contest struct {
	rigs  [2]*rig
	chats []*db.Chat
	tasks sync.WaitGroup
	quit  context.CancelFunc

	writes, stale int // of the goroutine, until stop
}

func newContest(t *testing.T, store *fakeStore, a, b *rig) *contest {
	t.Helper()
	ctx, quit := context.WithCancel(t.Context())
	c := &contest{rigs: [2]*rig{a, b}, quit: quit}
	for i := range 30 { // on many slots
		c.chats = append(c.chats, store.newChat("ann", fmt.Sprint("user", i)))
	}
	c.tasks.Go(func() {
		for ctx.Err() == nil {
			c.turn(t, store)
		}
	})
	t.Cleanup(c.stop)
	return c
}

func (c *contest) turn(t *testing.T, store *fakeStore) {
	writer, reader := c.rigs[c.writes%2], c.rigs[(c.writes+1)%2]
	chat := c.chats[c.writes%len(c.chats)]
	version := store.send(t.Context(), writer.guard, chat.ID)
	c.writes++
	for _, r := range []*rig{reader, writer, reader} { // the second time from Redis, if it is there
		got, err := r.cache.Chat(t.Context(), "ann", chat.ID)
		if err != nil {
			t.Error(err)
			return
		}
		if got.HeadSeq < version {
			c.stale++
		}
	}
}

func (c *contest) stop() {
	c.quit()
	c.tasks.Wait()
}

// recovers waits until both instances serve from Redis, and checks what has been read all the while.
func (c *contest) recovers(t *testing.T) {
	t.Helper()
	for _, r := range c.rigs {
		for _, chat := range []*db.Chat{c.chats[0], c.chats[1], c.chats[2], c.chats[3]} {
			hitsAgain(t, r, chat.ID)
		}
		eventually(t, "nothing waits to be deleted", func() bool { return r.guard.State() == "ok" && r.guard.pending.empty() })
	}
	c.stop()
	if c.stale > 0 || c.writes < 50 {
		t.Errorf("%d of the reads after %d writes were stale", c.stale, c.writes)
	}
	t.Logf("%d writes; %+v", c.writes, c.rigs[0].guard.Stats())
}

// degrades waits until an instance has noticed.
func (c *contest) degrades(t *testing.T) {
	t.Helper()
	eventually(t, "degraded", func() bool { return c.rigs[0].guard.State() == "degraded" || c.rigs[1].guard.State() == "degraded" })
}

func TestClusterLosesANode(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"which then answers nothing":      nil,
		"which then answers what is left": {"--cluster-require-full-coverage", "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, store := testservices.NewRedisCluster(t, args...), newFakeStore()
			newOne := func() *rig { return rigOn(t, store, redis.NewClusterClient(tuned(cluster.Addrs()...).Cluster())) }
			c := newContest(t, store, newOne(), newOne())
			hitsAgain(t, c.rigs[0], c.chats[0].ID)
			cluster.Kill(1)
			c.degrades(t)
			cluster.Restart(1)
			c.recovers(t)
		})
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	sentinel, store := testservices.NewRedisSentinel(t), newFakeStore()
	newOne := func() *rig {
		o := tuned(sentinel.SentinelAddr())
		o.MasterName = sentinel.Master()
		return rigOn(t, store, redis.NewFailoverClient(o.Failover()))
	}
	a, b := newOne(), newOne()
	// What the old master had not yet passed on is lost with it, a mark as well: so nothing is under way when it dies.
	c := newContest(t, store, a, b)
	hitsAgain(t, a, c.chats[0].ID)
	c.stop()
	sentinel.WaitSynced()
	c = newContest(t, store, a, b)
	sentinel.KillMaster()
	c.recovers(t)
}
