package cache

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/db"
	"studychat/redisconn"
	"studychat/test/services"
)

// tuned are the options of the real client, for Redis in any shape, but for its deadlines: nothing hangs here, and a busy
// machine must not look like it. After a hang some reads may be stale (for 2 s at most), after what happens here none.
func tuned(addrs ...string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: addrs, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		MinRetryBackoff: -1, MaxRetryBackoff: -1,
		DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, PoolTimeout: 5 * time.Second, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   redisconn.EachTry(new(net.Dialer).DialContext),
	}
}

// rigOn makes an instance on a Redis in any shape.
func rigOn(t *testing.T, store *fakeStore, client redis.UniversalClient) *rig {
	t.Helper()
	t.Cleanup(func() { _ = client.Close() })
	guard := newGuard(t, client, tuning{ProbeEvery: 50 * time.Millisecond})
	c := New(store, guard, Options{})
	t.Cleanup(c.Stop)
	return started(t, &rig{store: store, guard: guard, cache: c})
}

// contest has two instances write and read the same chats in turn until stop, and counts reads that began after a
// write was answered and saw older.
type contest struct {
	rigs   [2]*rig
	guards [2]db.WriteGuard
	chats  []*db.Chat
	tasks  sync.WaitGroup
	quit   context.CancelFunc

	writes atomic.Int64
	stale  int // of the goroutine, until stop
}

func newContest(t *testing.T, store *fakeStore, a, b *rig) *contest {
	t.Helper()
	return newGuardedContest(t, store, [2]*rig{a, b}, [2]db.WriteGuard{a.guard, b.guard})
}

// newGuardedContest takes what guards the writes of each instance.
func newGuardedContest(t *testing.T, store *fakeStore, rigs [2]*rig, guards [2]db.WriteGuard) *contest {
	t.Helper()
	ctx, quit := context.WithCancel(t.Context())
	c := &contest{rigs: rigs, guards: guards, quit: quit}
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
	n := int(c.writes.Load())
	writer, reader, guard, chat := c.rigs[n%2], c.rigs[(n+1)%2], c.guards[n%2], c.chats[n%len(c.chats)]
	version, at := store.send(t.Context(), guard, chat.ID), time.Now()
	c.writes.Add(1)
	for _, r := range []*rig{reader, writer, reader} { // the second time from Redis, if it is there
		got, err := r.cache.Chat(t.Context(), "ann", chat.ID)
		if err != nil {
			t.Error(err)
			return
		}
		if got.HeadSeq < version {
			if c.stale++; c.stale == 1 {
				t.Logf("stale: version %d of %s at %v after %d; the writer's instance is %s, the reader's %s", got.HeadSeq, chat.ID, time.Since(at), version, writer.guard.state(), r.guard.state())
			}
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
		eventually(t, "nothing waits to be deleted", func() bool { return r.guard.state() == "ok" && r.guard.pending.empty() })
	}
	c.goesOn(t)
	c.stop()
	if c.stale > 0 {
		t.Errorf("%d of the reads after %d writes were stale", c.stale, c.writes.Load())
	}
	t.Logf("%d writes; %+v", c.writes.Load(), c.rigs[0].guard.Stats())
}

// goesOn waits for a write to each chat, however fast the machine is.
func (c *contest) goesOn(t *testing.T) {
	t.Helper()
	until := c.writes.Load() + int64(len(c.chats))
	eventually(t, "the contest goes on", func() bool { return c.writes.Load() >= until })
}

// degrades waits until an instance has noticed.
func (c *contest) degrades(t *testing.T) {
	t.Helper()
	eventually(t, "degraded", func() bool { return c.rigs[0].guard.state() == "degraded" || c.rigs[1].guard.state() == "degraded" })
}

func TestClusterLosesANode(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"which then answers nothing":      nil,
		"which then answers what is left": {"--cluster-require-full-coverage", "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, store := services.NewRedisCluster(t, args...), newFakeStore()
			newOne := func() *rig { return rigOn(t, store, redis.NewClusterClient(tuned(cluster.Addrs()...).Cluster())) }
			c := newContest(t, store, newOne(), newOne())
			hitsAgain(t, c.rigs[0], c.chats[0].ID)
			cluster.Node(1).Kill()
			c.degrades(t)
			c.goesOn(t)
			cluster.Node(1).Restart()
			c.recovers(t)
		})
	}
}

// nodeOf is the number of the node that holds a key.
func nodeOf(t *testing.T, client *redis.ClusterClient, key string) int64 {
	t.Helper()
	slot, err := client.ClusterKeySlot(t.Context(), key).Result()
	if err != nil {
		t.Fatal(err)
	}
	return slot * 3 / 16384
}

// A node that has not run a script says so, and it is sent again. It was not, if another node of the same write was dead:
// the bodies on the living one stayed, and instances that had noticed nothing served them.
func TestWriteReachesTheNodesThatAreLeft(t *testing.T) {
	t.Parallel()
	cluster, store := services.NewRedisCluster(t, "--cluster-require-full-coverage", "no"), newFakeStore()
	client := redis.NewClusterClient(tuned(cluster.Addrs()...).Cluster())
	writer := rigOn(t, store, client)
	reader := rigOn(t, store, redis.NewClusterClient(tuned(cluster.Addrs()...).Cluster()))
	var user string
	for i := 0; user == "" || nodeOf(t, client, writer.guard.link.Names.Keys().List(user)) != 1; i++ {
		user = fmt.Sprint("user", i)
	}
	chat := store.newChat("ann", user)
	for nodeOf(t, client, writer.guard.link.Names.Keys().Chat(chat.ID)) != 0 {
		chat = store.newChat("ann", user)
	}
	key := writer.guard.link.Names.Keys().Chat(chat.ID)
	hitsAgain(t, reader, chat.ID)
	cluster.Node(1).Kill()
	w := store.begin(t.Context(), writer.guard, chat.ID)
	if raw, err := client.Get(t.Context(), key).Result(); parseValue(raw).state != stateMark {
		t.Errorf("while the write is under way the living node holds %.40q, %v", raw, err)
	}
	w.commit()
	w.finished(db.Committed)
	if raw, err := client.Get(t.Context(), key).Result(); !errors.Is(err, redis.Nil) {
		t.Errorf("after the write the living node holds %.40q, %v", raw, err)
	}
	if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
		t.Errorf("the other instance read version %d after %d", got, w.next.HeadSeq)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	sentinel, store := services.NewRedisSentinel(t), newFakeStore()
	newOne := func() *rig {
		o := tuned(sentinel.Sentinel().Addr())
		o.MasterName = services.SentinelMaster
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

func TestControlContestWithoutGuardIsCaught(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	newOne := func() *rig { return rigOn(t, store, redis.NewUniversalClient(tuned(server.Addr()))) }
	a, b := newOne(), newOne()
	c := newGuardedContest(t, store, [2]*rig{a, b}, [2]db.WriteGuard{db.NoGuard{}, db.NoGuard{}})
	for _, chat := range c.chats { // in Redis for sure, and written once more after that
		hitsAgain(t, a, chat.ID)
	}
	c.goesOn(t)
	c.goesOn(t)
	c.stop()
	if c.stale == 0 {
		t.Errorf("the contest is blind: nobody invalidates, and no read after %d writes was stale", c.writes.Load())
	}
}
