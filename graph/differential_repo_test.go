package graph_test

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"time"

	"studychat/db"
	"studychat/events"
)

var someTime = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)

// faulty is a repository that fails at random, but each time alike for one seed: gqlgen's executor calls it in an order of its
// own. It changes nothing.
type faulty struct {
	db.Repository

	seed   uint64 // 0: no faults
	stream bool   // of events, which would wait for a database that is not available
}

// fault is what the call fails with. Only calls that no batch makes may panic: how a batch goes on depends on who was first.
func (f *faulty) fault(call string, panics bool) error {
	if f.seed == 0 {
		return nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(call))
	_, _ = h.Write([]byte{byte(f.seed), byte(f.seed >> 8), byte(f.seed >> 16)})
	switch h.Sum64() % 14 {
	case 0:
		return errors.New("broken")
	case 1:
		if f.stream {
			return db.Forbidden("not like this")
		}
		return &db.Error{Code: db.CodeUnavailable, Message: "The service is not available at the moment."}
	case 2:
		if panics {
			panic("at the disco")
		}
	}
	return nil
}

func either[T any](err error, read func() (T, error)) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return read()
}

func (f *faulty) SawUser(context.Context, string, db.Claims) (*db.User, error) {
	return nil, errors.New("nobody is remembered: names would differ from run to run")
}

func (f *faulty) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	return either(f.fault("Chats", true), func() (*db.ChatList, error) { return f.Repository.Chats(ctx, viewer, module, page) })
}

func (f *faulty) CountChats(ctx context.Context, viewer string, module *string) (int, error) {
	return either(f.fault("CountChats", true), func() (int, error) { return f.Repository.CountChats(ctx, viewer, module) })
}

func (f *faulty) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	return either(f.fault("Chat", false), func() (*db.Chat, error) { return f.Repository.Chat(ctx, viewer, id) })
}

func (f *faulty) ChatsByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Chat, error) {
	return either(f.fault("Chat", false), func() (map[string]*db.Chat, error) { return f.Repository.ChatsByID(ctx, viewer, ids) })
}

func (f *faulty) ViewerStates(ctx context.Context, viewer string, ids []string) (map[string]db.ViewerState, error) {
	return either(f.fault("ViewerStates", true), func() (map[string]db.ViewerState, error) { return f.Repository.ViewerStates(ctx, viewer, ids) })
}

func (f *faulty) ReadMarks(ctx context.Context, viewer string, ids []string) (map[string]map[string]int64, error) {
	return either(f.fault("ReadMarks", false), func() (map[string]map[string]int64, error) { return f.Repository.ReadMarks(ctx, viewer, ids) })
}

func (f *faulty) Messages(ctx context.Context, viewer string, ids []string, page db.Page) (map[string]*db.MessageList, error) {
	return either(f.fault("Messages", true), func() (map[string]*db.MessageList, error) { return f.Repository.Messages(ctx, viewer, ids, page) })
}

func (f *faulty) MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Message, error) {
	return either(f.fault("MessagesByID", false), func() (map[string]*db.Message, error) { return f.Repository.MessagesByID(ctx, viewer, ids) })
}

func (f *faulty) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	return either(f.fault("Users", false), func() (map[string]*db.User, error) { return f.Repository.Users(ctx, ids) })
}

func (f *faulty) Modules(ctx context.Context, page db.Page) (*db.ModuleList, error) {
	return either(f.fault("Modules", true), func() (*db.ModuleList, error) { return f.Repository.Modules(ctx, page) })
}

func (f *faulty) ModulesByID(ctx context.Context, ids []string) (map[string]*db.Module, error) {
	return either(f.fault("ModulesByID", false), func() (map[string]*db.Module, error) { return f.Repository.ModulesByID(ctx, ids) })
}

func (f *faulty) ModuleContents(ctx context.Context, ids []string) (map[string]string, error) {
	return either(f.fault("ModuleContents", true), func() (map[string]string, error) { return f.Repository.ModuleContents(ctx, ids) })
}

// The writes answer as if they had written.

func (f *faulty) event(kind db.EventKind, chat, actor string) (*db.Event, error) {
	message := &db.Message{ID: message1, ChatID: chat, Author: actor, Role: db.RoleUser, Content: "a \"text\"\n", CreatedAt: someTime, Seq: 9}
	member := &db.Member{ChatID: chat, UserID: "bob", Role: db.RoleMember, JoinedAt: someTime, ReadSeq: 3}
	if f.seed%5 == 4 {
		message, member = nil, nil // which the schema does not allow
	}
	return &db.Event{ChatID: chat, Seq: 9, Epoch: 1, Kind: kind, Actor: actor, At: someTime, Title: "A title", Message: message, Member: member}, f.fault(string(kind), true)
}

func (f *faulty) CreateChat(_ context.Context, viewer string, chat db.NewChat) (*db.Event, error) {
	return f.event(db.ChatCreated, chat.ID, viewer)
}

func (f *faulty) RenameChat(_ context.Context, viewer, id, _ string) (*db.Event, error) {
	return f.event(db.ChatRenamed, id, viewer)
}

func (f *faulty) DeleteChat(_ context.Context, viewer, id string) (*db.Event, error) {
	return f.event(db.ChatDeleted, id, viewer)
}

func (f *faulty) TransferChat(_ context.Context, viewer, id, _ string) (*db.Event, error) {
	return f.event(db.ChatTransferred, id, viewer)
}

func (f *faulty) SendMessage(_ context.Context, viewer string, message db.NewMessage) (*db.Event, error) {
	return f.event(db.MessageSent, message.ChatID, viewer)
}

func (f *faulty) EditMessage(_ context.Context, viewer, _, _ string) (*db.Event, error) {
	return f.event(db.MessageEdited, chat1, viewer)
}

func (f *faulty) DeleteMessage(_ context.Context, viewer, _ string) (*db.Event, error) {
	return f.event(db.MessageDeleted, chat1, viewer)
}

func (f *faulty) AddMember(_ context.Context, viewer, id, _ string) (*db.Event, error) {
	return f.event(db.MemberAdded, id, viewer)
}

func (f *faulty) AddKnownMember(ctx context.Context, viewer, id, user string) (*db.Event, error) {
	return f.AddMember(ctx, viewer, id, user)
}

func (f *faulty) RemoveMember(_ context.Context, viewer, id, _ string) (*db.Event, error) {
	return f.event(db.MemberRemoved, id, viewer)
}

func (f *faulty) LeaveChat(_ context.Context, viewer, id string) (*db.Event, error) {
	return f.event(db.MemberRemoved, id, viewer)
}

func (f *faulty) MarkRead(_ context.Context, _, _ string, seq int64) (int64, bool, error) {
	return seq, true, f.fault("MarkRead", true)
}

func (f *faulty) UpdateViewerState(context.Context, string, string, db.ViewerStateChange) error {
	return f.fault("UpdateViewerState", true)
}

func (f *faulty) UpsertUser(context.Context, db.User) error { return f.fault("UpsertUser", true) }

func (f *faulty) PutModule(_ context.Context, module db.Module) (*db.Module, error) {
	module.UpdatedAt = someTime
	return &module, f.fault("PutModule", true)
}

func (f *faulty) DeleteModule(context.Context, string) error { return f.fault("DeleteModule", true) }

// Online, Typing, Chat and Feed implement graph.Live.

type faultyLive struct{ *faulty }

func (l faultyLive) Typing(context.Context, string, string, bool) {}

func (l faultyLive) Online(_ context.Context, chats []*db.Chat) (map[string][]string, error) {
	online := map[string][]string{}
	for _, chat := range chats {
		online[chat.ID] = []string{"ann", "bob"}
	}
	return online, l.fault("Online", true)
}

func (l faultyLive) Chat(_ context.Context, viewer, id string, _ *db.Cursor) (events.Stream, error) {
	return l.items(viewer, id), l.fault("Stream", true)
}

func (l faultyLive) Feed(_ context.Context, viewer string, _ *db.FeedCursor) (events.Stream, error) {
	return l.items(viewer, chat1), l.fault("Stream", true)
}

// items is one item of each kind.
func (l faultyLive) items(viewer, chat string) *items {
	list := &items{{Cursor: "c0", At: someTime, Started: &events.Started{ChatID: chat, Resumed: true}}}
	for _, kind := range db.EventKinds(func(db.KindRow) bool { return true }) {
		event, _ := (&faulty{seed: l.seed % 5 * 5}).event(kind, chat, viewer)
		*list = append(*list, events.Item{Cursor: "c1", At: someTime, Event: event})
	}
	for _, kind := range []events.EphemeralKind{events.MessagesRead, events.TypingChanged, events.PresenceChanged} {
		*list = append(*list, events.Item{Cursor: "c2", At: someTime, Ephemeral: &events.Ephemeral{Kind: kind, ChatID: chat, User: viewer, ReadSeq: 4, On: true}})
	}
	*list = append(*list, events.Item{Cursor: "c3", At: someTime, Reset: &events.Reset{ChatID: chat, Reason: events.Expired}})
	return list
}

type items []events.Item

func (i *items) Next(context.Context) (events.Item, error) {
	if len(*i) == 0 {
		return events.Item{}, io.EOF
	}
	next := (*i)[0]
	*i = (*i)[1:]
	return next, nil
}

func (*items) Close() {}
