package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"studychat/bench/data"
	"studychat/bench/peer/gqlgen/generated"
)

var errNoChat = errors.New("no such chat")

// kept is how many messages of a chat are kept at least.
const kept = 1000

// resolver is the store, in memory: the chats of package data, and a channel for each subscriber.
type resolver struct {
	chats map[string]*chat
	order []*chat
	ids   atomic.Int64
}

type chat struct {
	mu       sync.RWMutex
	about    generated.Chat
	messages []*generated.Message
	follow   map[chan generated.ChatEvent]struct{}
}

func newResolver() *resolver {
	r := &resolver{chats: map[string]*chat{}}
	for n := range data.ReadChats {
		r.add(n, data.Messages)
	}
	for n := range data.SpreadChats {
		r.add(data.FirstSpread+n, 1)
	}
	r.add(data.HotChat, 1)
	return r
}

func (r *resolver) add(number, messages int) {
	id := data.ChatID(number)
	c := &chat{about: generated.Chat{ID: id, Title: "chat " + strconv.Itoa(number), Seq: 1}, follow: map[chan generated.ChatEvent]struct{}{}}
	for range messages {
		r.append(c, data.Text)
	}
	r.chats[id], r.order = c, append(r.order, c)
}

// append adds a message; the caller has the lock.
func (r *resolver) append(c *chat, content string) *generated.Message {
	c.about.Seq++
	user := strconv.Itoa(c.about.Seq % data.HotMembers)
	m := &generated.Message{
		ID: data.ChatID(1<<40 + int(r.ids.Add(1))), Seq: c.about.Seq, Content: content,
		Author: &generated.User{ID: user, Name: "user " + user}, CreatedAt: time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
	}
	c.messages = append(c.messages, m)
	if len(c.messages) > 2*kept {
		c.messages = append([]*generated.Message(nil), c.messages[kept:]...)
	}
	return m
}

func (r *resolver) Chat() generated.ChatResolver                 { return r }
func (r *resolver) Query() generated.QueryResolver               { return query{r} }
func (r *resolver) Mutation() generated.MutationResolver         { return mutation{r} }
func (r *resolver) Subscription() generated.SubscriptionResolver { return subscription{r} }

func (r *resolver) LastMessage(_ context.Context, of *generated.Chat) (*generated.Message, error) {
	c := r.chats[of.ID]
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.messages[len(c.messages)-1], nil
}

func (r *resolver) Messages(_ context.Context, of *generated.Chat, last *int) (*generated.MessageConnection, error) {
	c, n := r.chats[of.ID], data.Messages
	if last != nil {
		n = *last
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	page := c.messages[len(c.messages)-min(n, len(c.messages)):]
	return &generated.MessageConnection{Nodes: append([]*generated.Message(nil), page...)}, nil
}

type query struct{ *resolver }

func (q query) Chats(_ context.Context, first *int) (*generated.ChatConnection, error) {
	n := 20
	if first != nil {
		n = *first
	}
	page := &generated.ChatConnection{}
	for _, c := range q.order[:min(n, len(q.order))] {
		page.Nodes = append(page.Nodes, c.read())
	}
	return page, nil
}

func (q query) Chat(_ context.Context, id string) (*generated.Chat, error) {
	c, ok := q.chats[id]
	if !ok {
		return nil, errNoChat
	}
	return c.read(), nil
}

func (c *chat) read() *generated.Chat {
	c.mu.RLock()
	defer c.mu.RUnlock()
	about := c.about
	return &about
}

type mutation struct{ *resolver }

func (m mutation) SendMessage(_ context.Context, input generated.SendMessageInput) (*generated.SendMessagePayload, error) {
	c, ok := m.chats[input.ChatID]
	if !ok {
		return nil, errNoChat
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	message := m.append(c, input.Content)
	event := &generated.MessageSent{Cursor: strconv.Itoa(message.Seq), Seq: message.Seq, Message: message}
	for follower := range c.follow {
		select {
		case follower <- event:
		default: // a subscriber too slow for 64 events misses one, and the client counts the loss
		}
	}
	return &generated.SendMessagePayload{Message: message}, nil
}

type subscription struct{ *resolver }

func (s subscription) ChatEvents(ctx context.Context, id *string) (<-chan generated.ChatEvent, error) {
	if id == nil || s.chats[*id] == nil {
		return nil, errNoChat
	}
	c, events := s.chats[*id], make(chan generated.ChatEvent, 64)
	c.mu.Lock()
	c.follow[events] = struct{}{}
	c.mu.Unlock()
	context.AfterFunc(ctx, func() {
		c.mu.Lock()
		delete(c.follow, events)
		c.mu.Unlock()
	})
	return events, nil
}
