// Package cache serves chats from Redis: a decorator of db.Repository for the readers, and a db.WriteGuard for the
// writers.
//
// What is cached: a chat's body with its newest messages and its members, one key per chat, and the first page of a
// viewer's chats, one key per viewer. Permission is decided on the body's own member list. Absence and decisions are
// never cached, and neither is anything that changes without the chat's version (read marks, who is online).
//
// A read that starts after a write was answered sees that write: see scripts.go for how the keys work, guard.go for
// writers, read.go for readers and flight.go for readers that share a load. Redis is asked at each read. What a process has decoded
// it keeps (tier.go), and then asks for the header of the value alone (headers.go): the body is the same while the fill is. When Redis fails, reads come from the database.
// Redis may also fail for one instance alone, whose writes then do not reach it: the other instances learn that from the
// database and do not use Redis meanwhile (notice.go, trust.go), so that no read is stale by more than two seconds.
package cache

import (
	"cmp"
	"context"
	"slices"
	"time"

	"studychat/db"
)

// Options tune a Cache. The zero value of a field means its default.
type Options struct {
	TTL      time.Duration // of a body; 60 s. Up to a tenth less, so that what was filled together does not end together
	LeaseTTL time.Duration // how long a reader may take from lease to fill; 2 s

	// MinVersion returns the highest number of the chat that this process knows of, or 0 (the hub knows it for chats
	// that are followed here). A body below it is not served, even if its invalidation was lost. It is called often and
	// must not block. nil: nothing is known.
	MinVersion func(chatID string) int64

	// MinEpoch returns the highest epoch that this process has seen. Bodies of an older epoch are not served: they may
	// contain what the restored database does not, and their cursors would only lead to another reset. It must not
	// block either. nil: nothing is known.
	MinEpoch func() int64
}

const (
	bigTTL   = 10 * time.Second      // of a list that writes do not always invalidate (see listTTL)
	loadTime = 10 * time.Second      // how long a shared load may take
	fillWait = 30 * time.Millisecond // how long to wait for the fill of another instance, rather than read too
	fillPoll = 3 * time.Millisecond  // how often a waiting reader looks at the key
)

// Larger values are not filled: each would evict many others, and cost more to transfer than to read.
const (
	maxChatBytes = 256 << 10
	maxListBytes = 512 << 10
)

// Cache is a db.Repository that answers Chat and the first page of Chats from Redis where it can. Everything else
// passes through to the repository below, writes included: the store tells the guard of each, so a new write needs nothing here.
type Cache struct {
	db.Repository
	guard    *Guard
	options  Options
	bigTTL   time.Duration
	fillWait time.Duration
	chats    *kind[*chatBody]
	lists    *kind[*db.ChatList]
	headers  *headers
	tier     *tier
}

// New puts the cache on top of next, whose store must report its writes to guard.
func New(next db.Repository, guard *Guard, options Options) *Cache {
	options.TTL = cmp.Or(options.TTL, time.Minute)
	options.LeaseTTL = cmp.Or(options.LeaseTTL, 2*time.Second)
	c := &Cache{
		Repository: next,
		guard:      guard,
		options:    options,
		bigTTL:     bigTTL,
		fillWait:   fillWait,
		headers:    &headers{link: guard.link},
		tier:       newTier(tierBytes, tierEntries),
	}
	c.chats = &kind[*chatBody]{
		maxBytes: maxChatBytes,
		load:     c.loadChat,
		encode:   func(b []byte, body *chatBody) []byte { return appendChat(b, body.chat) },
		decode:   decodeChatBody,
		current:  func(body *chatBody) bool { return c.current(body.chat) },
		ttl:      func(*chatBody) time.Duration { return c.options.TTL },
		share:    func(body *chatBody, grow func(int) bool) { body.chat.KeepRendered(grow) },
		loads:    newFlight[*chatBody](loadTime),
	}
	c.lists = &kind[*db.ChatList]{
		maxBytes: maxListBytes,
		load:     c.loadList,
		encode:   appendList,
		decode:   decodeList,
		current:  c.currentList,
		ttl:      c.listTTL,
		share:    (*db.ChatList).KeepRendered,
		loads:    newFlight[*db.ChatList](loadTime),
	}
	return c
}

// Stop waits for the loads and the round trip that are under way. Calls after it still work, unshared.
func (c *Cache) Stop() {
	c.chats.loads.stop()
	c.lists.loads.stop()
	c.headers.stop()
}

// Chat implements db.Repository.
func (c *Cache) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	body, err := read(ctx, c, entry[*chatBody]{kind: c.chats, key: c.guard.link.Names.Keys().Chat(id), id: id, viewer: viewer})
	if err != nil {
		return nil, err
	}
	if !body.has(viewer) {
		return nil, db.NotFound("chat")
	}
	return body.chat, nil
}

func (c *Cache) loadChat(ctx context.Context, viewer, id string) (*chatBody, error) {
	chat, err := c.Repository.Chat(ctx, viewer, id)
	if err != nil {
		return nil, err
	}
	return &chatBody{chat: chat}, nil
}

// Chats implements db.Repository. What is cached is the page of db.ChatPage chats; shorter first pages are cut from it. The
// cursor of the feed is that of the fill: one that is older only replays more.
func (c *Cache) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	if module != nil || page.After != nil || page.Before != nil || page.Backward || page.Limit > db.ChatPage {
		return c.Repository.Chats(ctx, viewer, module, page)
	}
	list, err := read(ctx, c, entry[*db.ChatList]{kind: c.lists, key: c.guard.link.Names.Keys().List(viewer), id: viewer, viewer: viewer})
	if err != nil {
		return nil, err
	}
	return firstChats(list, page.Limit), nil
}

func (c *Cache) loadList(ctx context.Context, viewer, _ string) (*db.ChatList, error) {
	return c.Repository.Chats(ctx, viewer, nil, db.Page{Limit: db.ChatPage})
}

// current reports whether the chat is at least as new as what this process knows of.
func (c *Cache) current(chat *db.Chat) bool {
	return (c.options.MinEpoch == nil || chat.Epoch >= c.options.MinEpoch()) &&
		(c.options.MinVersion == nil || chat.HeadSeq >= c.options.MinVersion(chat.ID))
}

// currentList reports the same of all chats of the list.
func (c *Cache) currentList(list *db.ChatList) bool {
	return !slices.ContainsFunc(list.Chats, func(chat *db.Chat) bool { return !c.current(chat) })
}

// listTTL is short for lists that a write may change without marking them. A write to a chat of more than
// db.MaxGuardedMembers members marks only the list of the user who joins or leaves, so that a message there does not cost
// hundreds of invalidations. Such a chat may be on a later page, and its next message moves it onto this one, so lists
// with further pages get the short TTL too. A list is therefore never behind by more than bigTTL plus a lease.
func (c *Cache) listTTL(list *db.ChatList) time.Duration {
	big := func(chat *db.Chat) bool { return len(chat.Members) > db.MaxGuardedMembers }
	if list.HasNext || slices.ContainsFunc(list.Chats, big) {
		return c.bigTTL
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
