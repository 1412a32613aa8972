package sqlstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore"
)

// counter counts the statements that reach the database.
type counter struct{ n atomic.Int64 }

func (c *counter) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	c.n.Add(1)
	return ctx
}

func (*counter) AfterQuery(context.Context, *bun.QueryEvent) {}

// count returns how many statements a call takes.
func (c *counter) count(t *testing.T, call func() error) int64 {
	t.Helper()
	before := c.n.Load()
	if err := call(); err != nil {
		t.Fatal(err)
	}
	return c.n.Load() - before
}

// sendStatements is how many statements a send takes that is alone. To PostgreSQL several are sent at once, in one round trip.
var sendStatements = map[sqlstore.Dialect]int64{sqlstore.Postgres: 2, sqlstore.SQLite: 6}

// TestStatementsDoNotGrow reads few chats and many: the number of statements is the same, BEGIN and the end of
// the transaction included.
func TestStatementsDoNotGrow(t *testing.T) {
	t.Parallel()
	costly(t, func(t *testing.T, url string) {
		counter := &counter{}
		store := openStore(t, url, sqlstore.OpenOptions{Hook: counter})
		few, many := fill(t, store, "few", 1), fill(t, store, "many", db.MaxPage)
		for _, test := range []struct {
			name string
			want int64
			call func(viewer string, chats []string) error
		}{
			{"Chats", 6, func(viewer string, chats []string) error {
				list, err := store.Chats(t.Context(), viewer, nil, db.Page{Limit: db.MaxPage})
				if err == nil && (len(list.Chats) != len(chats) || list.Chats[0].LastMessage == nil || len(list.Chats[0].Members) != 2) {
					return fmt.Errorf("%d chats, want %d, with last message and members", len(list.Chats), len(chats))
				}
				return err
			}},
			{"Messages", 4, func(viewer string, chats []string) error {
				lists, err := store.Messages(t.Context(), viewer, chats, db.Page{Limit: 1, Backward: true})
				if err == nil && (len(lists) != len(chats) || len(lists[chats[0]].Messages) != 1) {
					return fmt.Errorf("messages of %d chats, want %d", len(lists), len(chats))
				}
				return err
			}},
			{"ViewerStates", 1, func(viewer string, chats []string) error {
				_, err := store.ViewerStates(t.Context(), viewer, chats)
				return err
			}},
			{"Heads", 1, func(_ string, chats []string) error {
				_, err := store.Heads(t.Context(), chats)
				return err
			}},
			{"FeedHeads", 1, func(viewer string, _ []string) error {
				_, err := store.FeedHeads(t.Context(), viewer, nil)
				return err
			}},
			{"FeedStart", 1, func(viewer string, _ []string) error {
				_, err := store.FeedStart(t.Context(), viewer, time.Now())
				return err
			}},
			{"Standing", 1, func(viewer string, chats []string) error {
				_, err := store.Standing(t.Context(), viewer, chats[0], db.FeedPlace{Since: time.Now()})
				return err
			}},
			{"Chat", map[sqlstore.Dialect]int64{sqlstore.Postgres: 1, sqlstore.SQLite: 5}[store.Dialect()], func(viewer string, chats []string) error {
				_, err := store.Chat(t.Context(), viewer, chats[0])
				return err
			}},
			{"Log", 5, func(_ string, chats []string) error {
				_, err := store.Log(t.Context(), chats[0], 0, 100)
				return err
			}},
			{"SendMessage", sendStatements[store.Dialect()], func(viewer string, chats []string) error {
				_, err := store.SendMessage(t.Context(), viewer, db.NewMessage{ID: db.NewID(), ChatID: chats[0], Content: "x"})
				return err
			}},
		} {
			of1 := counter.count(t, func() error { return test.call("few", few) })
			of100 := counter.count(t, func() error { return test.call("many", many) })
			if of1 != test.want || of100 != test.want {
				t.Errorf("%s takes %d statements for one chat and %d for %d, want %d", test.name, of1, of100, db.MaxPage, test.want)
			}
		}
	})
}

func fill(t testing.TB, store *sqlstore.Store, owner string, n int) []string {
	t.Helper()
	var chats []string
	for range n {
		id := db.NewID()
		chats = append(chats, id)
		if _, err := store.CreateChat(t.Context(), owner, db.NewChat{ID: id, Title: "A chat"}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.AddMember(t.Context(), owner, id, "mia"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			message := db.NewMessage{ID: db.NewID(), ChatID: id, Role: db.RoleUser, Content: "text"}
			if _, err := store.SendMessage(t.Context(), "mia", message); err != nil {
				t.Fatal(err)
			}
		}
	}
	return chats
}
