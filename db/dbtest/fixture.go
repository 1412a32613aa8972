package dbtest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"studychat/db"
)

// testTimeout bounds one test of the suite, also on a busy machine.
const testTimeout = 2 * time.Minute

// fixture is a repository with two people in it whom no other test knows.
type fixture struct {
	testing.TB
	ctx        context.Context
	repo       db.Repository
	fill       Filler
	owner, mia string
}

func newFixture(t *testing.T, repo db.Repository) *fixture {
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return &fixture{TB: t, ctx: ctx, repo: repo, owner: user("owner"), mia: user("mia")}
}

// user makes up a user whom no other test has.
func user(name string) string { return name + "-" + db.NewID() }

// chat starts a chat of the owner with mia in it and returns its id.
func (f *fixture) chat() string {
	f.Helper()
	id := f.ownChat("A chat")
	f.must(f.repo.AddMember(f.ctx, f.owner, id, f.mia))
	return id
}

// ownChat starts a chat of the owner alone.
func (f *fixture) ownChat(title string) string {
	f.Helper()
	return f.must(f.repo.CreateChat(f.ctx, f.owner, db.NewChat{ID: db.NewID(), Title: title})).ChatID
}

// module stores a module and returns its id.
func (f *fixture) module() string {
	f.Helper()
	id := "module-" + db.NewID()
	_, err := f.repo.PutModule(f.ctx, db.Module{ID: id, Title: "A module"})
	f.ok(err)
	return id
}

// send sends a message with an id of its own.
func (f *fixture) send(author, chatID, content string) *db.Event {
	f.Helper()
	return f.must(f.repo.SendMessage(f.ctx, author, newMessage(chatID, content)))
}

func newMessage(chatID, content string) db.NewMessage {
	return db.NewMessage{ID: db.NewID(), ChatID: chatID, Role: db.RoleUser, Content: content}
}

// read returns the chat as viewer sees it.
func (f *fixture) read(viewer, chatID string) *db.Chat {
	f.Helper()
	chat, err := f.repo.Chat(f.ctx, viewer, chatID)
	f.ok(err)
	return chat
}

// log returns all events of the chat.
func (f *fixture) log(chatID string) []*db.Event {
	f.Helper()
	log, err := f.repo.Log(f.ctx, chatID, 0, 10_000)
	f.ok(err)
	return log.Events
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// must returns the event of a write that has to succeed and to commit something.
func (f *fixture) must(event *db.Event, err error) *db.Event {
	f.Helper()
	f.ok(err)
	if event.Repeated {
		f.Fatalf("event %d %s is Repeated", event.Seq, event.Kind)
	}
	return event
}

// repeats returns the event of a write that has to succeed and to commit nothing.
func (f *fixture) repeats(event *db.Event, err error) *db.Event {
	f.Helper()
	f.ok(err)
	if !event.Repeated {
		f.Fatalf("event %d %s is not Repeated", event.Seq, event.Kind)
	}
	return event
}

func (f *fixture) code(code db.Code, err error) {
	f.Helper()
	if db.CodeOf(err) != code {
		f.Fatalf("got the error %v, want %s", err, code)
	}
}

// refuses checks the error of a call that has to fail.
func (f *fixture) refuses(code db.Code) func(any, error) {
	f.Helper()
	return func(_ any, err error) { f.Helper(); f.code(code, err) }
}

func errorOf(_ any, err error) error { return err }

// same compares what can be seen of two values from outside: their JSON.
func (f *fixture) same(what string, got, want any) {
	f.Helper()
	g, err := json.MarshalIndent(got, "", " ")
	f.ok(err)
	w, err := json.MarshalIndent(want, "", " ")
	f.ok(err)
	if string(g) != string(w) {
		f.Fatalf("%s: got %s\nwant %s", what, g, w)
	}
}

func ids(chats []*db.Chat) []string { return each(chats, func(c *db.Chat) string { return c.ID }) }

func users(members []*db.Member) []string {
	return each(members, func(m *db.Member) string { return m.UserID })
}

func contents(messages []*db.Message) []string {
	return each(messages, func(m *db.Message) string { return m.Content })
}

func each[T any](list []T, text func(T) string) []string {
	texts := []string{}
	for _, t := range list {
		texts = append(texts, text(t))
	}
	return texts
}

// readMessage reads one message: NOT_FOUND when MessagesByID does not return it.
func readMessage(ctx context.Context, repo db.Repository, viewer, id string) (*db.Message, error) {
	found, err := repo.MessagesByID(ctx, viewer, []string{id})
	if err == nil && found[id] == nil {
		err = db.NotFound("message")
	}
	return found[id], err
}
