package sqlstore_test

import (
	"context"
	"sync"
	"testing"

	"studychat/db"
	"studychat/db/sqlstore"
)

// odd are texts that would break a statement, an array or a JSON text that does not quote them.
var odd = []string{`NULL`, `null`, `it's`, `a "b" c`, `{a,b}`, `\`, `\\'`, `?`, `?0 ?`, `$1`, `a; COMMIT`, "two\nlines\ttab", `"`, `'`, ` `, "äöü 你好 🎓", `--`, `/*`}

// told is a guard that remembers the members of all writes.
type told struct {
	mutex   sync.Mutex
	members map[string]bool
}

func (g *told) Mark(_ context.Context, writes ...db.Write) func(db.Outcome) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for _, write := range writes {
		for _, member := range write.Members {
			g.members[member] = true
		}
	}
	return func(db.Outcome) {}
}

// TestSendsOddTexts: ids of users and texts of messages come back as they went, from one batch of all of them.
func TestSendsOddTexts(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		guard := &told{members: map[string]bool{}}
		store := openStore(t, url, sqlstore.OpenOptions{Guard: guard})
		chats := map[string]string{}
		for _, text := range odd {
			event, err := store.CreateChat(t.Context(), text, db.NewChat{ID: db.NewID(), Title: "A chat"})
			if err != nil {
				t.Fatal(err)
			}
			chats[text] = event.ChatID
		}
		clear(guard.members)
		var all sync.WaitGroup
		for text, chat := range chats {
			all.Go(func() {
				sent, err := store.SendMessage(t.Context(), text, db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: text})
				if err != nil {
					t.Errorf("%q: %v", text, err)
					return
				}
				lists, err := store.Messages(t.Context(), text, []string{chat}, db.Page{Limit: 2})
				if err != nil || len(lists[chat].Messages) != 1 {
					t.Errorf("%q: %+v, %v", text, lists, err)
					return
				}
				got := lists[chat].Messages[0]
				if got.Content != text || got.Author != text || got.Seq != 2 || !got.CreatedAt.Equal(sent.At) || got.ReplyTo != nil {
					t.Errorf("%q came back as %+v", text, got)
				}
			})
		}
		all.Wait()
		for _, text := range odd {
			if !guard.members[text] {
				t.Errorf("the guard was not told of %q", text)
			}
		}
	})
}
