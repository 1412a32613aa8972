package redisbus

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// everyDeployment runs a test over the real stores, with two instances.
func everyDeployment(t *testing.T, test func(t *testing.T, a, b instance)) {
	t.Run("one SQLite file, no Redis", func(t *testing.T) {
		t.Parallel()
		store := openStore(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
		test(t, newInstance(t, store, events.NewMemoryBus(), events.NewMemoryRegistry()), newInstance(t, store, events.NewMemoryBus(), events.NewMemoryRegistry()))
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		url, redis := services.Postgres(t), services.NewRedisServer(t)
		one := func() instance {
			h := handle(t, testRedisClient(t, redis.Addr()))
			return newInstance(t, openStore(t, url), New(h, eventstest.Log(t)), NewRegistry(h, time.Now, eventstest.Log(t)))
		}
		test(t, one(), one())
	})
}

func TestStoreManyWritersAndReaders(t *testing.T) {
	t.Parallel()
	everyDeployment(t, func(t *testing.T, a, b instance) {
		ctx := eventstest.Within(t, time.Minute)
		id := db.NewID()
		must(t)(a.repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		const writers, each = 4, 40
		var writing, reading sync.WaitGroup
		for i := range 6 {
			reading.Go(func() {
				hub := []instance{a, b}[i%2].hub
				s, err := hub.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1, Seq: int64(i % 2)})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if item, err := s.Next(ctx); err != nil || item.Started == nil {
					t.Errorf("begins with %+v, %v", item, err)
				}
				_, problems := readAll(ctx, s, int64(i%2), 1+writers*each)
				for _, p := range problems {
					t.Error(p)
				}
			})
		}
		for i := range writers {
			writing.Go(func() {
				for n := range each {
					_, err := []instance{a, b}[i%2].repo.SendMessage(ctx, "ann", newMessage(id, fmt.Sprint(i, " ", n)))
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		writing.Wait()
		reading.Wait()
	})
}

func TestStoreEveryEventAndTheEnd(t *testing.T) {
	t.Parallel()
	everyDeployment(t, func(t *testing.T, a, b instance) {
		ctx := eventstest.Within(t, time.Minute)
		id, write := db.NewID(), must(t)
		write(a.repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		write(a.repo.AddMember(ctx, "ann", id, "bob"))
		owner, err := b.hub.Chat(ctx, "ann", id, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer owner.Close()
		started(t, owner)
		member, err := b.hub.Chat(ctx, "bob", id, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer member.Close()
		started(t, member)

		m := write(a.repo.SendMessage(ctx, "bob", newMessage(id, "hi"))).Message
		write(a.repo.EditMessage(ctx, "bob", m.ID, "hello"))
		write(a.repo.DeleteMessage(ctx, "ann", m.ID))
		write(a.repo.RenameChat(ctx, "ann", id, "U"))
		write(a.repo.RemoveMember(ctx, "ann", id, "bob"))
		kinds, problems := readAll(ctx, member, 2, 0)
		if got := strings.Join(kinds, " "); len(problems) > 0 || got != "MESSAGE_SENT MESSAGE_EDITED MESSAGE_DELETED CHAT_RENAMED MEMBER_REMOVED EOF" {
			t.Errorf("the member got %q, %v", got, problems)
		}
		_, problems = readAll(ctx, owner, 2, 7)
		write(a.repo.DeleteChat(ctx, "ann", id))
		kinds, more := readAll(ctx, owner, 7, 0)
		if got := strings.Join(kinds, " "); len(problems)+len(more) > 0 || got != "CHAT_DELETED EOF" {
			t.Errorf("the owner got %q, %v, %v", got, problems, more)
		}
		if _, err := b.hub.Chat(ctx, "bob", id, nil); db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("an ex-member subscribes: %v", err)
		}
	})
}

// TestStoreFeedJoinsAList: a list of chats and a feed from its cursor leave nothing out, also of a chat that is new, and at any
// distance in time.
func TestStoreFeedJoinsAList(t *testing.T) {
	t.Parallel()
	everyDeployment(t, func(t *testing.T, a, b instance) {
		ctx, write, id := eventstest.Within(t, time.Minute), must(t), db.NewID()
		write(a.repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		write(a.repo.AddMember(ctx, "ann", id, "bob"))
		list, err := b.repo.Chats(ctx, "bob", nil, db.Page{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		after, err := db.ParseFeedCursor("after", list.EventCursor(), "bob")
		if err != nil {
			t.Fatal(err)
		}
		sent := write(a.repo.SendMessage(ctx, "ann", newMessage(id, "between the two")))
		s, err := b.hub.Feed(ctx, "bob", &after)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if start := started(t, s); !start.Started.Resumed || start.Cursor != list.EventCursor() {
			t.Errorf("it begins with %+v at %s", start.Started, start.Cursor)
		}
		for seq := int64(2); seq <= sent.Seq; { // bob's joining is within the overlap
			item, err := s.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if item.Event != nil {
				if item.Event.Seq != seq {
					t.Fatalf("number %d came, want %d", item.Event.Seq, seq)
				}
				seq++
			}
		}
	})
}

func TestStoreFeedAndResume(t *testing.T) {
	t.Parallel()
	everyDeployment(t, func(t *testing.T, a, b instance) {
		ctx := eventstest.Within(t, time.Minute)
		write := must(t)
		s, err := b.hub.Feed(ctx, "bob", nil)
		if err != nil {
			t.Fatal(err)
		}
		// next reads on until each of the wanted events has come, and returns the cursor after the last.
		next := func(s events.Stream, want map[string]bool) string {
			t.Helper()
			for cursor := ""; ; {
				if len(want) == 0 {
					return cursor
				}
				item, err := s.Next(ctx)
				if err != nil {
					t.Fatalf("%v are missing: %v", want, err)
				}
				cursor = item.Cursor
				if item.Event != nil {
					delete(want, fmt.Sprintf("%s:%d", item.Event.ChatID, item.Event.Seq))
				}
			}
		}
		one, two := db.NewID(), db.NewID()
		write(a.repo.CreateChat(ctx, "ann", db.NewChat{ID: one, Title: "T"}))
		write(a.repo.AddMember(ctx, "ann", one, "bob"))
		write(a.repo.CreateChat(ctx, "bob", db.NewChat{ID: two, Title: "T"}))
		cursor := next(s, map[string]bool{one + ":2": true, two + ":1": true})
		s.Close()

		write(a.repo.SendMessage(ctx, "ann", newMessage(one, "while away")))
		write(a.repo.RemoveMember(ctx, "ann", one, "bob"))
		write(a.repo.SendMessage(ctx, "ann", newMessage(one, "secret")))
		write(a.repo.SendMessage(ctx, "bob", newMessage(two, "while away")))
		after, err := db.ParseFeedCursor("after", cursor, "bob")
		if err != nil {
			t.Fatal(err)
		}
		if s, err = a.hub.Feed(ctx, "bob", &after); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		next(s, map[string]bool{one + ":3": true, one + ":4": true, two + ":2": true})
		write(b.repo.SendMessage(ctx, "bob", newMessage(two, "live again")))
		next(s, map[string]bool{two + ":3": true})
	})
}
