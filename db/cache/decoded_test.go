package cache

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/test/services"
)

// pair is two instances over one store and one Redis, of which the second has a chat and the list of ann decoded.
type pair struct {
	store        *fakeStore
	chat         *db.Chat
	other, keeps *rig
	keys         []string
	watch        *redis.Client
}

func newPair(t *testing.T, addr string) *pair {
	t.Helper()
	p := newPairUnstarted(t, addr)
	started(t, p.other)
	started(t, p.keeps)
	return p
}

// newPairUnstarted makes a pair whose guards delete nothing by themselves.
func newPairUnstarted(t *testing.T, addr string) *pair {
	t.Helper()
	store := newFakeStore()
	p := &pair{store: store, chat: store.newChat("ann", "bob"), watch: dialPatient(t, addr)}
	p.other, p.keeps = newRig(t, store, addr, tuning{}, Options{}), newRig(t, store, addr, tuning{}, Options{})
	names := p.keeps.guard.link.Names.Keys()
	p.keys = []string{names.Chat(p.chat.ID), names.List("ann")}
	p.sees(t, p.keeps, p.chat.HeadSeq)
	p.isDecoded(t)
	return p
}

// sees reads the chat and the list, which must show the version.
func (p *pair) sees(t *testing.T, r *rig, version int64) {
	t.Helper()
	if got := r.chat(t, "ann", p.chat.ID).HeadSeq; got != version {
		t.Errorf("the chat has version %d, want %d", got, version)
	}
	if got := r.list(t, "ann").Chats[0].HeadSeq; got != version {
		t.Errorf("the list has version %d, want %d", got, version)
	}
}

func (p *pair) isDecoded(t *testing.T) {
	t.Helper()
	for _, key := range p.keys {
		if _, ok := p.keeps.cache.tier.get(key); !ok {
			t.Fatalf("%s is not kept decoded, so this test shows nothing", key)
		}
	}
}

func TestWritesOfOthersAreSeenThoughTheBodyIsDecoded(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	for range 20 {
		p.isDecoded(t)
		p.sees(t, p.keeps, p.store.send(t.Context(), p.other.guard, p.chat.ID))
	}
}

func TestAMarkHidesADecodedBody(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	w := p.store.begin(t.Context(), p.other.guard, p.chat.ID)
	before := p.store.chatReads.Load() + p.store.listReads.Load()
	p.sees(t, p.keeps, p.chat.HeadSeq) // not committed yet
	if got := p.store.chatReads.Load() + p.store.listReads.Load() - before; got != 2 {
		t.Errorf("%d reads of the database while a write is under way, want 2", got)
	}
	w.commit()
	p.sees(t, p.keeps, w.next.HeadSeq)
	w.finished(db.Committed)
	p.sees(t, p.keeps, w.next.HeadSeq)
}

func TestTheFillOfAnotherInstanceReplacesADecodedBody(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	version := p.store.send(t.Context(), p.other.guard, p.chat.ID)
	p.sees(t, p.other, version) // fills
	p.isDecoded(t)
	reads, before := p.store.chatReads.Load()+p.store.listReads.Load(), p.keeps.guard.Stats()
	p.keeps.log.take()
	p.sees(t, p.keeps, version)
	if got := fmt.Sprint(p.keeps.log.take()); got != "[[getrange] [get] [getrange] [get]]" {
		t.Errorf("a header that differs cost %s", got)
	}
	if got := p.keeps.guard.Stats(); got.Decodes != before.Decodes+2 || p.store.chatReads.Load()+p.store.listReads.Load() != reads {
		t.Errorf("%+v", got)
	}
	p.sees(t, p.keeps, version)
	if got := fmt.Sprint(p.keeps.log.take()); got != "[[getrange] [getrange]]" {
		t.Errorf("the same fill again cost %s", got)
	}
}

func TestADecodedBodyEndsWithItsKey(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *pair){
		"FLUSHALL": func(t *testing.T, p *pair) { p.watch.FlushAll(t.Context()) },
		"evicted":  func(t *testing.T, p *pair) { p.watch.Del(t.Context(), p.keys...) },
		"expired": func(t *testing.T, p *pair) {
			for _, key := range p.keys {
				p.watch.PExpire(t.Context(), key, time.Millisecond)
			}
			eventually(t, "the keys expire", func() bool { return p.watch.Exists(t.Context(), p.keys...).Val() == 0 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, newRedis(t).Addr())
			p.store.put(p.store.after(p.chat)) // by nobody who marks
			p.sees(t, p.keeps, p.chat.HeadSeq)
			end(t, p)
			p.isDecoded(t)
			p.sees(t, p.keeps, p.chat.HeadSeq+1)
		})
	}
}

func TestBodiesThatAreNotKeptAreReadFromRedis(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	p.keeps.cache.tier = newTier(1, 1) // everything is evicted at once
	reads := p.store.chatReads.Load() + p.store.listReads.Load()
	p.keeps.log.take()
	p.sees(t, p.keeps, p.chat.HeadSeq)
	p.sees(t, p.keeps, p.chat.HeadSeq)
	if got := fmt.Sprint(p.keeps.log.take()); got != "[[get] [get] [get] [get]]" {
		t.Errorf("cost %s", got)
	}
	if p.store.chatReads.Load()+p.store.listReads.Load() != reads {
		t.Error("the database was read")
	}
}

func TestDecodedBodiesAreNotServedWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*services.RedisServer){"killed": (*services.RedisServer).Kill, "hung": (*services.RedisServer).Pause} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newRedis(t)
			p := newPair(t, server.Addr())
			next := p.store.after(p.chat)
			p.store.put(next)
			fail(server)
			for range 3 {
				p.sees(t, p.keeps, next.HeadSeq)
			}
		})
	}
}

// Whatever keeps a read from using Redis keeps it from using what is decoded, though Redis would confirm it.
func TestDecodedBodiesAreNotServedWhileRedisIsNotTrusted(t *testing.T) {
	t.Parallel()
	for name, distrust := range map[string]func(*testing.T, *pair) Options{
		"no pulse": func(t *testing.T, p *pair) Options {
			t.Cleanup(p.keeps.guard.StartSharing(t.Context(), newBoard()))
			return Options{}
		},
		"a write of this instance waits for Redis": func(_ *testing.T, p *pair) Options {
			p.keeps.guard.pending.add(p.keys, "token")
			return Options{}
		},
		"the hub has seen more": func(_ *testing.T, p *pair) Options {
			return Options{MinVersion: func(string) int64 { return p.chat.HeadSeq + 1 }}
		},
		"the database was restored": func(_ *testing.T, p *pair) Options {
			return Options{MinEpoch: func() int64 { return p.chat.Epoch + 1 }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPairUnstarted(t, newRedis(t).Addr())
			next := p.store.after(p.chat)
			next.Epoch++
			p.store.put(next)
			p.sees(t, p.keeps, p.chat.HeadSeq)
			o := distrust(t, p)
			p.keeps.cache.options.MinVersion, p.keeps.cache.options.MinEpoch = o.MinVersion, o.MinEpoch
			p.isDecoded(t)
			p.sees(t, p.keeps, next.HeadSeq)
		})
	}
}

// What was rendered from a body is kept as long as the body is served, and counted; the next fill begins with nothing.
func TestRenderingsGoWithTheirFill(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	read := func() (*db.Rendered, *db.Rendered) {
		return p.keeps.chat(t, "bob", p.chat.ID).Rendered(), p.keeps.list(t, "ann").Rendered()
	}
	_, before := p.keeps.cache.tier.check(t)
	first, list := read()
	first.Keep(&db.Rendering{Selection: 1, Bytes: make([]byte, 100)})
	list.Keep(&db.Rendering{Selection: 1, Bytes: make([]byte, 100)})
	again, listAgain := read()
	if again.Find(1, nil) == nil || listAgain.Find(1, nil) == nil {
		t.Error("the same fill is rendered again")
	}
	if _, after := p.keeps.cache.tier.check(t); after < before+200 {
		t.Errorf("%d bytes, and %d before", after, before)
	}
	p.store.send(t.Context(), p.other.guard, p.chat.ID)
	read() // from the database, which fills
	next, nextList := read()
	if next.Find(1, nil) != nil || nextList.Find(1, nil) != nil {
		t.Error("a new fill shows what was rendered of the old one")
	}
	first.Keep(&db.Rendering{Selection: 2, Bytes: make([]byte, 100)}) // by a reader that was slow
	if first.Find(2, nil) != nil {
		t.Error("what was rendered of a body that is gone takes memory")
	}
	p.keeps.cache.tier.check(t)
}

// The instance that fills keeps what the others will read, not what the store returned.
func TestReadMarksOfTheStoreAreNotKept(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann", "bob")
	chat.Members[1].ReadSeq = 7
	r.chat(t, "ann", chat.ID)
	if got := r.chat(t, "ann", chat.ID); got.Members[1].ReadSeq != 0 || r.guard.Stats().Hits != 1 {
		t.Errorf("ann is shown how far bob had read when the chat was filled: %+v", got.Members[1])
	}
	list := r.list(t, "ann")
	if got := r.list(t, "ann"); got == list || got.Chats[0].Members[1].ReadSeq != 0 || r.guard.Stats().Hits != 2 {
		t.Errorf("and in the list: %+v", got.Chats[0].Members[1])
	}
}

// Readers of one body at the same time, for the race detector.
func TestManyReadersShareABody(t *testing.T) {
	t.Parallel()
	p := newPair(t, newRedis(t).Addr())
	var readers sync.WaitGroup
	for i := range 32 {
		readers.Go(func() {
			for range 20 {
				chat, err := p.keeps.cache.Chat(t.Context(), "bob", p.chat.ID)
				if err != nil || !bytes.Equal(encoded(chat), encoded(p.chat)) {
					t.Errorf("%v, %+v", err, chat)
				}
				list, err := p.keeps.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: i % 2})
				if err != nil || len(list.Chats) != i%2 || list.HasNext != (i%2 == 0) {
					t.Errorf("%v, %+v", err, list)
				}
			}
		})
	}
	readers.Wait()
	if got := p.keeps.guard.Stats(); got.Decodes != 0 || got.Hits < 32*20*2 {
		t.Errorf("%+v", got)
	}
}
