package model

import (
	"context"
	"sync"

	"studychat/db"
)

// Chat is a chat in an answer. It knows the other chats of its list, so that a field that needs a look-up is read once for the
// whole list.
//
// gqlgen's own batching does not help here: it batches the elements of a list, and the list of a Relay connection holds edges.
type Chat struct {
	*db.Chat

	list *list
}

// NewChats are the chats of one list.
func NewChats(chats []*db.Chat) []*Chat {
	l := &list{chats: chats}
	all, out := make([]Chat, len(chats)), make([]*Chat, len(chats))
	for i, chat := range chats {
		all[i] = Chat{Chat: chat, list: l}
		out[i] = &all[i]
	}
	return out
}

// list is what the chats of one list share during one request.
type list struct {
	chats   []*db.Chat
	lookups sync.Map // of *lookup, by key
}

type lookup struct {
	mu    sync.Mutex
	done  bool
	found any // map[string]T
	err   error
}

// Lookup returns what find finds for chat. It calls find once for all chats of the list, even if it fails; only a caller with
// AskAgain tries again after an error. key names the look-up with its arguments. ok is false when find did not find the chat.
func Lookup[T any](ctx context.Context, chat *Chat, key string, find func(context.Context, []*db.Chat) (map[string]T, error)) (T, bool, error) {
	shared, _ := chat.list.lookups.LoadOrStore(key, &lookup{})
	l, _ := shared.(*lookup)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done || l.err != nil && AsksAgain(ctx) {
		l.found, l.err = find(ctx, chat.list.chats)
		l.done = true
	}
	found, _ := l.found.(map[string]T)
	value, ok := found[chat.ID]
	return value, ok, l.err
}

type againKey struct{}

// AskAgain is ctx for a caller that waits for a database that does not answer. Others give up after the first error.
func AskAgain(ctx context.Context) context.Context { return context.WithValue(ctx, againKey{}, true) }

// AsksAgain says whether ctx comes from AskAgain.
func AsksAgain(ctx context.Context) bool { return ctx.Value(againKey{}) != nil }
