package cache

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/redisconn"
)

// impatient is a link tuned like the real one, with a probe that is quick enough for tests.
func impatient() tuning {
	return tuning{Timeout: 50 * time.Millisecond, ProbeEvery: 50 * time.Millisecond}
}

// started starts the guard of a rig for the length of the test.
func started(t testing.TB, r *rig) *rig {
	t.Helper()
	r.guard.link.Health.Start(t.Context())
	t.Cleanup(r.guard.link.Health.Stop)
	r.guard.Start(t.Context())
	t.Cleanup(r.guard.Stop)
	return r
}

// hitsAgain waits until a read is answered from Redis.
func hitsAgain(t testing.TB, r *rig, id string) {
	t.Helper()
	eventually(t, "the cache is in use again", func() bool {
		before := r.guard.Stats().Hits
		r.chat(t, "ann", id)
		return r.guard.Stats().Hits > before
	})
}

func TestRedisKilledAndRestarted(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := started(t, newRig(t, store, server.Addr(), impatient(), Options{}))
	chat := store.newChat("ann", "bob")
	r.chat(t, "ann", chat.ID)
	r.list(t, "ann")
	server.Kill()
	for range 50 {
		version := store.send(t.Context(), r.guard, chat.ID)
		if got := r.chat(t, "ann", chat.ID).HeadSeq; got != version {
			t.Fatalf("read version %d after %d", got, version)
		}
		if got := r.list(t, "ann").Chats[0].HeadSeq; got != version {
			t.Fatalf("the list shows version %d after %d", got, version)
		}
	}
	eventually(t, "degraded", func() bool { return r.guard.state() == "degraded" })
	server.Restart()
	hitsAgain(t, r, chat.ID)
	if waiting, _ := r.guard.pending.size(); r.guard.state() != "ok" || waiting != 0 {
		t.Errorf("%s, %d keys wait", r.guard.state(), waiting)
	}
}

func TestRedisAwayCostsNoWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason  string
		fail    func(t *testing.T) string
		options tuning
		writes  int64 // requests for 100 writes
	}{
		// Without a deadline that matters: on a busy machine even a refusal may take 50 ms, and is a hang then.
		"killed": {"a refused mark or finish costs nothing, and is to be tried once each time",
			func(t *testing.T) string { s := newRedis(t); s.Kill(); return s.Addr() }, tuning{ProbeEvery: 50 * time.Millisecond}, 200},
		"paused": {"writes are not to wait for a Redis that hangs",
			func(t *testing.T) string { s := newRedis(t); s.Pause(); t.Cleanup(s.Resume); return s.Addr() }, impatient(), 0},
		"black hole": {"writes are not to wait for a Redis that hangs",
			func(*testing.T) string { return blackHole }, impatient(), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newFakeStore()
			r := started(t, newRig(t, store, c.fail(t), c.options, Options{}))
			chat := store.newChat("ann")
			for r.guard.state() == "ok" {
				r.chat(t, "ann", chat.ID)
			}
			if n := r.guard.link.Health.Failures(); n > 5 {
				t.Errorf("%d requests failed before Redis was known to be down", n)
			}
			r.log.take()
			reads := store.chatReads.Load()
			for range 1000 {
				r.chat(t, "ann", chat.ID)
			}
			if asked := r.log.take(); len(asked) > 0 || store.chatReads.Load() != reads+1000 {
				t.Errorf("reads asked Redis while it was down: %q, %d of 1000 came from the database", asked, store.chatReads.Load()-reads)
			}
			for range 100 {
				store.send(t.Context(), r.guard, chat.ID)
			}
			if n := int64(len(r.log.take())); n != c.writes {
				t.Errorf("%s: %d requests for 100 writes, want %d", c.reason, n, c.writes)
			}
		})
	}
}

// One call a second would never fail five times within one, and wait each time.
func TestASilentRedisIsNoticedByOneCall(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := started(t, newRig(t, store, server.Addr(), tuning{Timeout: 50 * time.Millisecond, ProbeEvery: time.Minute}, Options{}))
	chat := store.newChat("ann")
	hitsAgain(t, r, chat.ID) // on a busy machine the first connection may take more than 50 ms
	before := r.guard.link.Health.Failures()
	server.Pause()
	defer server.Resume()
	r.chat(t, "ann", chat.ID)
	eventually(t, "the probe that follows finds it down", r.guard.link.Health.Down)
	if n := r.guard.link.Health.Failures(); n != before+1 {
		t.Errorf("%d failures, and before %d", n, before)
	}
}

func TestACutConnectionIsNotAnOutage(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := started(t, newRig(t, store, server.Addr(), tuning{ProbeEvery: time.Hour}, Options{}))
	killer := dialPatient(t, server.Addr())
	chat := store.newChat("ann")
	for range 50 {
		r.chat(t, "ann", chat.ID)
		if err := killer.ClientKillByFilter(t.Context(), "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
			t.Fatal(err)
		}
		version := store.send(t.Context(), r.guard, chat.ID)
		if got := r.chat(t, "ann", chat.ID).HeadSeq; got != version {
			t.Fatalf("read version %d after %d", got, version)
		}
	}
	if got := r.guard.Stats(); got.MarkFailures != 0 || r.guard.link.Health.Down() {
		t.Errorf("%+v", got)
	}
}

func TestWrittenWhileRedisHungIsDeletedOnReturn(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	writer := started(t, newRig(t, store, server.Addr(), impatient(), Options{}))
	reader := newRig(t, store, server.Addr(), tuning{}, Options{}) // another instance, which has noticed nothing
	watch := dialPatient(t, server.Addr())
	chat, other := store.newChat("ann"), store.newChat("ann")
	reader.chat(t, "ann", chat.ID)
	reader.chat(t, "ann", other.ID)
	reader.list(t, "ann")
	server.Pause()
	version := store.send(t.Context(), writer.guard, chat.ID)
	if got := writer.chat(t, "ann", chat.ID).HeadSeq; got != version {
		t.Errorf("the writer's instance read version %d after %d", got, version)
	}
	eventually(t, "degraded", func() bool { return writer.guard.state() == "degraded" })
	if waiting, _ := writer.guard.pending.size(); waiting != 2 {
		t.Errorf("%d keys wait, want the chat and the list", waiting)
	}
	server.Resume()
	// The instance that wrote must never serve the old body, whatever the moment at which Redis is healthy again.
	eventually(t, "the cache is in use again", func() bool {
		if got := writer.chat(t, "ann", chat.ID).HeadSeq; got != version {
			t.Fatalf("the writer's instance read version %d after %d", got, version)
		}
		return writer.guard.state() == "ok" && writer.guard.pending.empty()
	})
	if v := parseValue(stored(t, watch, writer.guard.link.Names.Keys().List("ann"))); v.state == stateBody {
		t.Errorf("the list is still there: %.40q", v.content)
	}
	if v := parseValue(stored(t, watch, writer.guard.link.Names.Keys().Chat(chat.ID))); v.state == stateBody {
		if left, _, err := decodeChat(v.content, chat.ID); err != nil || left.HeadSeq != version {
			t.Errorf("%v: Redis still holds version %d", err, left.HeadSeq)
		}
	}
	if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != version {
		t.Errorf("the other instance read version %d after %d", got, version)
	}
	if raw := stored(t, watch, writer.guard.link.Names.Keys().Chat(other.ID)); raw == "" {
		t.Error("a chat that nobody wrote was deleted too")
	}
}

func TestTooManyKeysWrittenWhileRedisHung(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	options := impatient()
	options.MaxPending = 10
	writer := started(t, newRig(t, store, server.Addr(), options, Options{}))
	reader := newRig(t, store, server.Addr(), tuning{}, Options{})
	watch := dialPatient(t, server.Addr())
	var chats []*db.Chat
	for i := range 300 {
		chat := store.newChat(fmt.Sprint("user", i), "ann")
		chats = append(chats, chat)
		reader.chat(t, "ann", chat.ID)
	}
	names := writer.guard.link.Names.Keys()
	others := []string{"somebody:else", names.Online("c:1"), names.Rate("u:ann"), redisconn.NewKeys("test", "another").Chat("1")}
	for _, key := range others {
		watch.ZAdd(t.Context(), key, redis.Z{Score: 1, Member: "x"})
	}
	foreign := writer.guard.link.Names.Keys().Chat(db.NewID())
	watch.Set(t.Context(), foreign, fmt.Sprint("dalive:", time.Now().Add(time.Hour).UnixMilli()), time.Hour)
	server.Pause()
	for _, chat := range chats {
		store.send(t.Context(), writer.guard, chat.ID)
	}
	if waiting, all := writer.guard.pending.size(); !all || waiting > 10 || writer.guard.state() != "degraded" {
		t.Fatalf("%s, %d keys wait, all: %t", writer.guard.state(), waiting, all)
	}
	server.Resume()
	eventually(t, "everything is deleted", func() bool { return writer.guard.state() == "ok" && writer.guard.pending.empty() })
	for _, chat := range chats {
		if raw := stored(t, watch, writer.guard.link.Names.Keys().Chat(chat.ID)); parseValue(raw).state == stateBody {
			t.Fatalf("left: %.60s", raw)
		}
	}
	if left := watch.Exists(t.Context(), others...).Val(); left != int64(len(others)) {
		t.Errorf("of %q, which are not of the cache, %d are left", others, left)
	}
	if stored(t, watch, foreign) == "" {
		t.Error("the mark of another writer, under way, is gone")
	}
}

func TestAWriteThatCouldNotMarkStillFinishes(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := newRig(t, store, server.Addr(), tuning{}, Options{}) // not started: nobody deletes what is pending
	reader := newRig(t, store, server.Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	server.Kill()
	w := store.begin(t.Context(), r.guard, chat.ID)
	if got := r.guard.Stats(); got.MarkFailures != 2 {
		t.Fatalf("%+v", got)
	}
	server.Restart()
	if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != chat.HeadSeq {
		t.Fatalf("read version %d before the commit of the next", got)
	}
	w.commit()
	w.finished(db.Committed)
	if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
		t.Errorf("another instance read version %d after %d", got, w.next.HeadSeq)
	}
}

func TestAWriteThatCouldNotMarkWithUnknownOutcomeMarksAgain(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := newRig(t, store, server.Addr(), tuning{}, Options{})
	reader := newRig(t, store, server.Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	server.Kill()
	w := store.begin(t.Context(), r.guard, chat.ID)
	server.Restart()
	w.finished(db.Unknown) // it commits later than this
	if err := r.guard.flush(t.Context()); err != nil {
		t.Fatal(err) // deletes what could not be marked at first, and must not open the key
	}
	reader.chat(t, "ann", chat.ID)
	w.commit()
	if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
		t.Errorf("the old body was filled in between, and stays: version %d after %d", got, w.next.HeadSeq)
	}
}

func TestMarkThatRanOut(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{MarkTTL: 20 * time.Millisecond}, Options{})
	chat := store.newChat("ann")
	w := store.begin(t.Context(), r.guard, chat.ID) // its commit takes longer than its mark stands
	eventually(t, "the old body is filled", func() bool {
		r.chat(t, "ann", chat.ID)
		return r.guard.Stats().Fills > 0
	})
	w.commit()
	w.finished(db.Committed)
	if got := r.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
		t.Errorf("read version %d after %d", got, w.next.HeadSeq)
	}
}

func TestFlushedWhileReadingAndWriting(t *testing.T) {
	t.Parallel()
	addr, store := newRedis(t).Addr(), newFakeStore()
	r := newRig(t, store, addr, tuning{}, Options{})
	flush := func() { r.guard.link.Client.FlushAll(t.Context()) }
	slow := newRig(t, store, addr, tuning{}, Options{})
	for at := range 5 { // the flush comes before the step of this number
		chat := store.newChat("ann")
		g, done := newGate(), make(chan error, 1)
		var w *write
		steps := []func(){
			func() {
				go func() { _, err := slow.cache.Chat(g.in(t.Context()), "ann", chat.ID); done <- err }()
				<-g.reached
			},
			func() { w = store.begin(t.Context(), r.guard, chat.ID) },
			func() { w.commit() },
			func() { w.finished(db.Committed) },
			func() {
				close(g.pass)
				if err := <-done; err != nil {
					t.Error(err)
				}
			},
		}
		for i, step := range steps {
			if i == at {
				flush()
			}
			step()
		}
		if got := r.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
			t.Errorf("flushed before step %d: read version %d after %d", at, got, w.next.HeadSeq)
		}
	}
}

func TestARequestThatIsCancelledStillMarksAndFinishes(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	r.chat(t, "ann", chat.ID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	version := store.send(ctx, r.guard, chat.ID)
	if got := r.chat(t, "ann", chat.ID).HeadSeq; got != version {
		t.Errorf("read version %d after %d", got, version)
	}
	if got := r.guard.Stats(); got.MarkFailures != 0 || !r.guard.pending.empty() {
		t.Errorf("%+v", got)
	}
}

func TestStopDeletesWhatIsPending(t *testing.T) {
	t.Parallel()
	server, store := newRedis(t), newFakeStore()
	r := newRig(t, store, server.Addr(), tuning{ProbeEvery: time.Hour}, Options{})
	chat := store.newChat("ann")
	key := r.guard.link.Names.Keys().Chat(chat.ID)
	refused := new(outage)
	r.guard.link.Client.AddHook(refused)
	refused.on.Store(true)
	store.send(t.Context(), r.guard, chat.ID)
	refused.on.Store(false)
	watch := dialPatient(t, server.Addr())
	watch.Set(t.Context(), key, "b1|{}", 0)
	r.guard.Stop()
	r.guard.Stop()
	if got := stored(t, watch, key); got != "" {
		t.Errorf("left behind: %q", got)
	}
}

func TestStartAndStopMany(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		g := newGuard(t, client, tuning{ProbeEvery: time.Millisecond})
		g.link.Health.Start(ctx)
		g.Start(ctx)
		g.link.Health.Report(time.Now(), errOutage)
		eventually(t, "healthy by the probe", g.link.Health.Usable)
		cancel()
		g.Stop()
		g.link.Health.Stop()
	}
}
