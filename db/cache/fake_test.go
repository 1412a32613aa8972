package cache

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"studychat/db"
)

// epochStart is when the fake's clock begins.
var epochStart = time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.UTC)

// fakeStore is a database of chats in memory that counts its reads. A transaction is taken step by step, so that
// a test decides what happens in between.
type fakeStore struct {
	db.Repository // what the cache must not call is nil

	chatReads, listReads atomic.Int64
	fail                 atomic.Pointer[error] // what reads return, if set

	mu    sync.Mutex
	clock int64
	chats map[string]*db.Chat
}

func newFakeStore() *fakeStore { return &fakeStore{chats: make(map[string]*db.Chat)} }

// gate stops a read that carries it after the snapshot was taken.
type gate struct {
	reached chan struct{}
	pass    chan struct{}
}

type gateKey struct{}

func newGate() *gate { return &gate{reached: make(chan struct{}), pass: make(chan struct{})} }

func (g *gate) in(ctx context.Context) context.Context { return context.WithValue(ctx, gateKey{}, g) }

func waitAtGate(ctx context.Context) error {
	g, ok := ctx.Value(gateKey{}).(*gate)
	if !ok {
		return nil
	}
	close(g.reached)
	select {
	case <-g.pass:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *fakeStore) failure() error {
	if err := s.fail.Load(); err != nil {
		return *err
	}
	return nil
}

// Chat implements db.Repository.
func (s *fakeStore) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	s.chatReads.Add(1)
	if err := s.failure(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	chat := s.chats[id]
	s.mu.Unlock()
	if err := waitAtGate(ctx); err != nil {
		return nil, err
	}
	if chat == nil || chat.Member(viewer) == nil {
		return nil, db.NotFound("chat")
	}
	return chat, nil
}

// Chats implements db.Repository.
func (s *fakeStore) Chats(ctx context.Context, viewer string, _ *string, page db.Page) (*db.ChatList, error) {
	s.listReads.Add(1)
	if err := s.failure(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	list := &db.ChatList{Chats: []*db.Chat{}, Cursor: db.FeedCursor{User: viewer, Epoch: 1, At: epochStart}}
	for _, chat := range s.chats {
		if chat != nil && chat.Member(viewer) != nil {
			row := *chat
			row.Newest = nil
			list.Chats = append(list.Chats, &row)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(list.Chats, func(a, b *db.Chat) int { return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(b.ID, a.ID)) })
	if len(list.Chats) > page.Limit {
		list.Chats, list.HasNext = list.Chats[:page.Limit], true
	}
	return list, waitAtGate(ctx)
}

// put stores a chat as if it had always been there.
func (s *fakeStore) put(chat *db.Chat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.chats[chat.ID] = chat
}

// newChat makes a chat with one message and stores it.
func (s *fakeStore) newChat(members ...string) *db.Chat {
	chat := &db.Chat{ID: db.NewID(), Title: "Biology", CreatedBy: members[0], CreatedAt: epochStart, LastAt: epochStart, HeadSeq: 1, Epoch: 1}
	for _, user := range members {
		chat.Members = append(chat.Members, &db.Member{ChatID: chat.ID, UserID: user, Role: db.RoleMember, JoinedAt: epochStart})
	}
	next := s.after(chat)
	s.put(next)
	return next
}

// after is the chat with one message more.
func (s *fakeStore) after(chat *db.Chat) *db.Chat {
	s.mu.Lock()
	s.clock++
	at := epochStart.Add(time.Duration(s.clock) * time.Millisecond)
	s.mu.Unlock()
	next := *chat
	next.HeadSeq, next.LastAt = chat.HeadSeq+1, at
	message := &db.Message{ID: db.NewID(), ChatID: chat.ID, Seq: next.HeadSeq, Author: chat.CreatedBy, Role: db.RoleUser, Content: "Cells <divide> & \u2028 grow.", CreatedAt: at}
	next.LastMessage, next.Newest = message, &db.Newest{Messages: []*db.Message{message}, Whole: chat.HeadSeq == 1}
	return &next
}

// write is a transaction that adds a message: begin has marked it.
type write struct {
	store    *fakeStore
	next     *db.Chat
	finished func(db.Outcome)
}

// begin takes a write up to the moment before COMMIT. (The row lock is the test's business.)
func (s *fakeStore) begin(ctx context.Context, guard db.WriteGuard, id string) *write {
	s.mu.Lock()
	chat := s.chats[id]
	s.mu.Unlock()
	w := &write{store: s, next: s.after(chat)}
	var members []string
	if len(chat.Members) <= db.MaxGuardedMembers {
		for _, m := range chat.Members {
			members = append(members, m.UserID)
		}
	}
	w.finished = guard.Mark(ctx, db.Write{ChatID: id, Members: members})
	return w
}

func (w *write) commit() { w.store.put(w.next) }

// send is a whole write. It returns the chat's new version.
func (s *fakeStore) send(ctx context.Context, guard db.WriteGuard, id string) int64 {
	w := s.begin(ctx, guard, id)
	w.commit()
	w.finished(db.Committed)
	return w.next.HeadSeq
}

// rig is one instance on a fake store and a real Redis.
type rig struct {
	store *fakeStore
	guard *Guard
	cache *Cache
	log   *commandLog
}

// newRig makes an instance that shares store and Redis with others. Start is left to the test.
func newRig(t testing.TB, store *fakeStore, addr string, g tuning, o Options) *rig {
	t.Helper()
	client := dialPatient(t, addr)
	if g.Timeout != 0 {
		client = dial(t, addr)
	}
	log := new(commandLog)
	client.AddHook(log)
	guard := newGuard(t, client, g)
	c := New(store, guard, o)
	t.Cleanup(c.Stop)
	return &rig{store: store, guard: guard, cache: c, log: log}
}

// chat reads a chat that must be there.
func (r *rig) chat(t testing.TB, viewer, id string) *db.Chat {
	t.Helper()
	chat, err := r.cache.Chat(t.Context(), viewer, id)
	if err != nil {
		t.Fatal(err)
	}
	return chat
}

// list reads the first page.
func (r *rig) list(t testing.TB, viewer string) *db.ChatList {
	t.Helper()
	list, err := r.cache.Chats(t.Context(), viewer, nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
