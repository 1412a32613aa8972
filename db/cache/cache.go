// Package cache serves chats from Redis: a decorator of db.Repository for the readers, and a db.WriteGuard for the
// writers.
//
// What is cached: a chat's body with its newest messages and its members, one key a chat, and the first page of a
// viewer's chats, one key a viewer. Permission is decided on the body's own member list. Absence and decisions are
// never cached, nor is anything that changes without the chat's version (read marks, who is online).
//
// A read that starts after a write was answered sees that write: see scripts.go for how the keys work, guard.go for
// writers, read.go for readers and flight.go for readers that share. Redis may fail at any moment: reads then come from
// the database. It may also fail for one instance alone, whose writes then do not reach it: the others learn that from the
// database and leave Redis alone meanwhile (notice.go, trust.go), so that no read is stale by more than two seconds.
package cache

import (
	"context"
	"time"

	"studychat/db"
)

// Options tune a Cache. The zero value of a field means its default.
type Options struct {
	TTL      time.Duration // of a body; 60 s. Up to a tenth less, so that what was filled together does not end together
	BigTTL   time.Duration // of a list that writes do not invalidate for sure (see listTTL); 10 s
	LeaseTTL time.Duration // how long a reader may take from lease to fill; 2 s
	LoadTime time.Duration // how long a shared load may take; 10 s
	FillWait time.Duration // how long to wait for the fill of another instance, rather than read too; 30 ms

	// MinVersion returns the highest number of the chat that this process knows of, 0 for none (the hub knows, for
	// chats that somebody watches here). A body below it is not served, whatever happened to the invalidation. It is
	// called often and must not block. nil: no such knowledge.
	MinVersion func(chatID string) int64

	// MinEpoch returns the highest epoch that this process has come across. Bodies of an older one are not served: they
	// may tell what a restored database does not know, and their cursors would only lead to another reset. Like
	// MinVersion. nil: no such knowledge.
	MinEpoch func() int64
}

// fillPoll is how often a key is looked at that another instance is about to fill.
const fillPoll = 3 * time.Millisecond

// Sizes above which a value is not filled: it would push out many others, and cost more to move than to read.
const (
	maxChatBytes = 256 << 10
	maxListBytes = 512 << 10
)

func (o Options) withDefaults() Options {
	setDefault(&o.TTL, 60*time.Second)
	setDefault(&o.BigTTL, 10*time.Second)
	setDefault(&o.LeaseTTL, 2*time.Second)
	setDefault(&o.LoadTime, 10*time.Second)
	setDefault(&o.FillWait, 30*time.Millisecond)
	if o.MinVersion == nil {
		o.MinVersion = func(string) int64 { return 0 }
	}
	if o.MinEpoch == nil {
		o.MinEpoch = func() int64 { return 0 }
	}
	return o
}

// Cache is a db.Repository that answers Chat and the first page of Chats from Redis where it can. Everything else
// passes through to the repository below, writes included: the store tells the guard of each, so a new write needs nothing here.
type Cache struct {
	db.Repository
	guard   *Guard
	options Options
	chats   *flight[*db.Chat]
	lists   *flight[*db.ChatList]
}

// New puts the cache on top of next, whose store must report its writes to guard.
func New(next db.Repository, guard *Guard, options Options) *Cache {
	options = options.withDefaults()
	return &Cache{
		Repository: next,
		guard:      guard,
		options:    options,
		chats:      newFlight[*db.Chat](options.LoadTime),
		lists:      newFlight[*db.ChatList](options.LoadTime),
	}
}

// Stop waits for the loads that run. Calls after it still work, unshared.
func (c *Cache) Stop() {
	c.chats.stop()
	c.lists.stop()
}

// Chat implements db.Repository.
func (c *Cache) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	chat, err := read(ctx, c, c.chats, entry[*db.Chat]{
		key:      c.guard.link.Names.Keys().Chat(id),
		maxBytes: maxChatBytes,
		load:     func(ctx context.Context) (*db.Chat, error) { return c.Repository.Chat(ctx, viewer, id) },
		decode:   func(v value) (*db.Chat, error) { return decodeChat(v, id) },
		version:  func(chat *db.Chat) int64 { return chat.HeadSeq },
		current:  c.current,
		ttl:      func(*db.Chat) time.Duration { return c.options.TTL },
	})
	if err != nil {
		return nil, err
	}
	if chat.Member(viewer) == nil {
		return nil, db.NotFound("chat")
	}
	return chat, nil
}

// Chats implements db.Repository. What is cached is the page of db.ChatPage chats; shorter first pages are cut from it. The
// cursor of the feed is that of the fill: one that is older only replays more.
func (c *Cache) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	if module != nil || page.After != nil || page.Before != nil || page.Backward || page.Limit > db.ChatPage {
		return c.Repository.Chats(ctx, viewer, module, page)
	}
	list, err := read(ctx, c, c.lists, entry[*db.ChatList]{
		key:      c.guard.link.Names.Keys().List(viewer),
		maxBytes: maxListBytes,
		load: func(ctx context.Context) (*db.ChatList, error) {
			list, err := c.Repository.Chats(ctx, viewer, nil, db.Page{Limit: db.ChatPage})
			if err == nil && list.Chats == nil {
				list = &db.ChatList{Chats: []*db.Chat{}, HasNext: list.HasNext, HasPrev: list.HasPrev, Cursor: list.Cursor} // null is no list: decodeList
			}
			return list, err
		},
		decode:  func(v value) (*db.ChatList, error) { return decodeList(v, viewer) },
		version: func(*db.ChatList) int64 { return 0 }, // many chats, no one number
		current: c.currentList,
		ttl:     c.listTTL,
	})
	if err != nil {
		return nil, err
	}
	return firstChats(list, page.Limit), nil
}

// current says whether the chat is not older than what this process knows of.
func (c *Cache) current(chat *db.Chat) bool {
	return chat.Epoch >= c.options.MinEpoch() && chat.HeadSeq >= c.options.MinVersion(chat.ID)
}

// currentList says the same of every chat of the list.
func (c *Cache) currentList(list *db.ChatList) bool {
	for _, chat := range list.Chats {
		if !c.current(chat) {
			return false
		}
	}
	return true
}

// listTTL is short for lists that a write may change without marking them: writes to a chat of more than
// db.MaxGuardedMembers mark no lists but that of who joins or leaves, so that a message there does not cost hundreds of
// invalidations. Such a chat may be on the page, or on a later one from where its next message lifts it to this one: then
// the page does not show it, hence HasNext. So a list is never behind by more than BigTTL, plus a lease.
func (c *Cache) listTTL(list *db.ChatList) time.Duration {
	if list.HasNext {
		return c.options.BigTTL
	}
	for _, chat := range list.Chats {
		if len(chat.Members) > db.MaxGuardedMembers {
			return c.options.BigTTL
		}
	}
	return c.options.TTL
}

// firstChats cuts a page to its first chats. The page may be shared: it is not changed.
func firstChats(list *db.ChatList, limit int) *db.ChatList {
	if len(list.Chats) <= limit {
		return list
	}
	return &db.ChatList{Chats: list.Chats[:limit:limit], HasNext: true, HasPrev: list.HasPrev, Cursor: list.Cursor}
}
