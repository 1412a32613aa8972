package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"studychat/db"
)

func TestAHitIsOneRoundTripAndNoStatement(t *testing.T) {
	t.Parallel()
	addr, store := newRedis(t).Addr(), newFakeStore()
	first, second := newRig(t, store, addr, tuning{}, Options{}), newRig(t, store, addr, tuning{}, Options{})
	chat := store.newChat("ann", "bob")
	first.chat(t, "ann", chat.ID)
	first.list(t, "ann")
	store.chatReads.Store(0)
	store.listReads.Store(0)
	for _, tc := range []struct {
		reason, command string
		rig             *rig
	}{
		{"the instance that filled has the body", "getrange", first},
		{"another one has to fetch it", "get", second},
		{"once", "getrange", second},
	} {
		tc.rig.log.take()
		if got := tc.rig.chat(t, "bob", chat.ID); !bytes.Equal(encoded(got), encoded(chat)) {
			t.Errorf("%s: got %+v", tc.reason, got)
		}
		if got := tc.rig.log.take(); len(got) != 1 || !slices.Equal(got[0], []string{tc.command}) {
			t.Errorf("%s: a hit on a chat cost %v", tc.reason, got)
		}
		if got := tc.rig.list(t, "ann"); len(got.Chats) != 1 || got.Chats[0].HeadSeq != chat.HeadSeq {
			t.Errorf("%s: got %+v", tc.reason, got)
		}
		if got := tc.rig.log.take(); len(got) != 1 || !slices.Equal(got[0], []string{tc.command}) {
			t.Errorf("%s: a hit on a list cost %v", tc.reason, got)
		}
	}
	if n := store.chatReads.Load() + store.listReads.Load(); n != 0 {
		t.Errorf("hits read the database %d times", n)
	}
	if a, b := first.guard.Stats(), second.guard.Stats(); a.Decodes != 0 || a.Hits != 2 || b.Decodes != 2 || b.Hits != 4 {
		t.Errorf("hits and decodings: %+v, %+v", a, b)
	}
}

func TestAWriteCostsTwoRoundTrips(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	var members []string
	for i := range db.MaxGuardedMembers {
		members = append(members, fmt.Sprint("user", i))
	}
	chat := store.newChat(members...)
	store.send(t.Context(), r.guard, chat.ID) // the server learns the scripts
	r.log.take()
	store.send(t.Context(), r.guard, chat.ID)
	got := r.log.take()
	if len(got) != 2 || len(got[0]) != 101 || len(got[1]) != 101 {
		t.Errorf("a write to a chat of 100 members made %d requests", len(got))
	}
	if stats := r.guard.Stats(); stats.Marks != 202 || stats.MarkFailures != 0 || !r.guard.pending.empty() {
		t.Errorf("%+v", stats)
	}
}

func TestStrangersLearnNothing(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	_, never := r.cache.Chat(t.Context(), "eve", db.NewID())
	_, cold := r.cache.Chat(t.Context(), "eve", chat.ID)
	r.chat(t, "ann", chat.ID)
	_, warm := r.cache.Chat(t.Context(), "eve", chat.ID)
	if db.CodeOf(never) != db.CodeNotFound || !reflect.DeepEqual(never, cold) || !reflect.DeepEqual(never, warm) {
		t.Errorf("three answers: %v, %v, %v", never, cold, warm)
	}
}

func TestAbsenceIsNotCached(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	store.mu.Lock()
	delete(store.chats, chat.ID)
	store.mu.Unlock()
	if _, err := r.cache.Chat(t.Context(), "ann", chat.ID); db.CodeOf(err) != db.CodeNotFound {
		t.Fatalf("got %v", err)
	}
	store.put(chat) // without a guard: a cache that held the absence would not learn of the chat
	r.chat(t, "ann", chat.ID)
	if got := r.guard.Stats(); got.Fills != 1 {
		t.Errorf("the lease of the read that found nothing was not given back: %+v", got)
	}
}

func TestFirstPagesAreCutFromOneList(t *testing.T) {
	t.Parallel()
	for _, total := range []int{0, 1, db.ChatPage - 1, db.ChatPage, db.ChatPage + 1, db.ChatPage + 5} {
		t.Run(fmt.Sprint(total, " chats"), func(t *testing.T) {
			t.Parallel()
			store := newFakeStore()
			r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
			for range total {
				store.newChat("ann")
			}
			r.list(t, "ann")
			reads := store.listReads.Load()
			for limit := range db.ChatPage + 1 {
				page := db.Page{Limit: limit}
				want, _ := store.Chats(t.Context(), "ann", nil, page)
				got, err := r.cache.Chats(t.Context(), "ann", nil, page)
				if err != nil || !bytes.Equal(encoded(got), encoded(want)) {
					t.Fatalf("first %d: %v, %+v, want %+v", limit, err, got, want)
				}
				reads++
			}
			if got := store.listReads.Load(); got != reads {
				t.Errorf("the cache read the database %d times", got-reads)
			}
		})
	}
}

func TestOtherPagesPassThrough(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	module, key := "m", &db.Key{}
	for name, call := range map[string]func() error{
		"a module": func() error {
			_, err := r.cache.Chats(t.Context(), "ann", &module, db.Page{Limit: 5})
			return err
		},
		"after": func() error {
			_, err := r.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: 5, After: key})
			return err
		},
		"before": func() error {
			_, err := r.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: 5, Before: key})
			return err
		},
		"backward": func() error {
			_, err := r.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: 5, Backward: true})
			return err
		},
		"too many": func() error {
			_, err := r.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: db.ChatPage + 1})
			return err
		},
	} {
		before := store.listReads.Load()
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if store.listReads.Load() != before+1 || len(r.log.take()) != 0 {
			t.Errorf("%s: did not go straight to the database", name)
		}
	}
}

func TestTimesToLive(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	var crowd []string
	for i := range db.MaxGuardedMembers + 1 {
		crowd = append(crowd, fmt.Sprint("user", i))
	}
	big, small := store.newChat(crowd...), store.newChat("ann")
	store.newChat(append(crowd[2:], "edge")...)
	for range db.ChatPage + 1 {
		store.newChat("busy")
	}
	r.chat(t, "user0", big.ID)
	r.chat(t, "ann", small.ID)
	r.list(t, "ann")
	r.list(t, "user0")
	r.list(t, "busy")
	r.list(t, "edge")
	for _, tc := range []struct {
		reason, key string
		most        time.Duration
	}{
		{"a chat", r.guard.link.Names.Keys().Chat(small.ID), 60 * time.Second},
		{"a big chat's body is invalidated like any", r.guard.link.Names.Keys().Chat(big.ID), 60 * time.Second},
		{"a list of small chats", r.guard.link.Names.Keys().List("ann"), 60 * time.Second},
		{"a list with a big chat", r.guard.link.Names.Keys().List("user0"), 10 * time.Second},
		{"a list with a chat at the limit", r.guard.link.Names.Keys().List("edge"), 60 * time.Second},
		{"a list that goes on: a big chat may be further down", r.guard.link.Names.Keys().List("busy"), 10 * time.Second},
	} {
		left := r.guard.link.Client.PTTL(t.Context(), tc.key).Val()
		if left > tc.most || left < tc.most*8/10 {
			t.Errorf("%s: %v left of %v", tc.reason, left, tc.most)
		}
	}
}

func TestListsOfABigChatAreBehindForABoundedTime(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	r.cache.bigTTL = 50 * time.Millisecond
	var crowd []string
	for i := range db.MaxGuardedMembers + 1 {
		crowd = append(crowd, fmt.Sprint("user", i))
	}
	chat := store.newChat(crowd...)
	r.list(t, "user7")
	r.log.take()
	version := store.send(t.Context(), r.guard, chat.ID)
	if got := r.log.take(); len(slices.Concat(got...)) > 4 { // mark and finish of the body, each twice if the script is new
		t.Errorf("a message to 101 members touched %v", got)
	}
	if got := r.chat(t, "user7", chat.ID).HeadSeq; got != version {
		t.Errorf("the chat itself is behind: %d", got)
	}
	eventually(t, "the list shows the message", func() bool { return r.list(t, "user7").Chats[0].HeadSeq == version })
}

func TestTooBigToFill(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	chat.Newest.Messages[0].Content = strings.Repeat("x", maxChatBytes)
	for range 2 {
		r.chat(t, "ann", chat.ID)
	}
	if got := r.guard.Stats(); store.chatReads.Load() != 2 || got.Fills != 0 || got.ForeignWaits != 0 {
		t.Errorf("the lease is to be given back each time: %+v", got)
	}
}

func TestDamagedValuesAreReplaced(t *testing.T) {
	t.Parallel()
	another := encodeValue(7, newFakeStore().newChat("ann"), appendChat) // neither this chat nor a list
	for _, raw := range []string{"", "b", "b1", "b12345678", "b1234567812345678", encodeValue(7, "", appendString), another, another[:len(another)-1], "?", "{}", strings.Repeat("\xff", 1000)} {
		t.Run(fmt.Sprintf("%.10q", raw), func(t *testing.T) {
			t.Parallel()
			store := newFakeStore()
			r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
			chat := store.newChat("ann")
			for _, key := range []string{r.guard.link.Names.Keys().Chat(chat.ID), r.guard.link.Names.Keys().List("ann")} {
				if err := r.guard.link.Client.Set(t.Context(), key, raw, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			if got := r.chat(t, "ann", chat.ID); got.HeadSeq != chat.HeadSeq {
				t.Errorf("got %+v", got)
			}
			if got := r.list(t, "ann"); len(got.Chats) != 1 {
				t.Errorf("got %+v", got)
			}
			if got := r.guard.Stats(); got.Fills != 2 {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestForeignTypesAreReplaced(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	r.guard.link.Client.HSet(t.Context(), r.guard.link.Names.Keys().Chat(chat.ID), "a", "b")
	r.chat(t, "ann", chat.ID)
	if got := r.guard.Stats(); got.Fills != 1 || r.guard.link.Health.Failures() != 0 {
		t.Errorf("%+v", got)
	}
}

func TestWhatTheHubHasSeenIsNotServedOlder(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	seen := map[string]int64{}
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{MinVersion: func(id string) int64 { return seen[id] }})
	chat := store.newChat("ann")
	r.chat(t, "ann", chat.ID)
	r.list(t, "ann")
	next := store.after(chat)
	store.put(next) // by an instance that cannot reach Redis
	if got := r.chat(t, "ann", chat.ID); got.HeadSeq != chat.HeadSeq {
		t.Fatal("the old body is not cached, so this test shows nothing")
	}
	seen[chat.ID] = next.HeadSeq
	for range 2 {
		if got := r.chat(t, "ann", chat.ID); got.HeadSeq != next.HeadSeq {
			t.Errorf("served version %d", got.HeadSeq)
		}
		if got := r.list(t, "ann").Chats[0]; got.HeadSeq != next.HeadSeq {
			t.Errorf("the list served version %d", got.HeadSeq)
		}
	}
	if got := r.guard.Stats(); got.TooOld != 2 || got.Hits < 3 {
		t.Errorf("the old values are to be replaced once each: %+v", got)
	}
}

func TestErrorsOfTheDatabasePassThrough(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
	chat := store.newChat("ann")
	fault := db.Unavailable(errors.New("no database"))
	store.fail.Store(&fault)
	if _, err := r.cache.Chat(t.Context(), "ann", chat.ID); db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	if _, err := r.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: 5}); db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	store.fail.Store(nil)
	r.chat(t, "ann", chat.ID)
	if got := r.guard.Stats(); got.Fills != 1 {
		t.Errorf("a failed load kept its lease: %+v", got)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.cache.Chats(cancelled, "ann", nil, db.Page{Limit: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if n := r.guard.link.Health.Failures(); n != 0 {
		t.Errorf("callers that give up count as %d failures of Redis", n)
	}
}
