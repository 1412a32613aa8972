package hub

import (
	"maps"
	"slices"
	"sync"

	"studychat/db"
	"studychat/events"
)

// feedChat is one chat of a feed.
type feedChat struct {
	*follower

	id     string
	queued bool          // in feedChats.ready; guarded by feedChats.mu
	joined bool          // the viewer became a member while the feed was open, and the chat does not know yet that they are online
	from   *db.FeedPlace // nil once the follower was started; until then, the events after this place are due
}

// feedChats is the chats of a feed, and which of them may have news. It is safe for concurrent use.
type feedChats struct {
	news chan struct{} // a chat may have news, or the feed is stale

	mu    sync.Mutex // after any topic's lock
	over  bool
	all   map[string]*feedChat
	ready []*feedChat  // may have news, each at most once
	place events.Place // of the feed, for people
}

func newFeedChats() *feedChats {
	return &feedChats{news: make(chan struct{}, 1), all: map[string]*feedChat{}}
}

// put adds a chat. It returns false after the end.
func (s *feedChats) put(c *feedChat) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.all[c.id] = c
	}
	return !s.over
}

func (s *feedChats) get(id string) *feedChat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id]
}

func (s *feedChats) list() []*feedChat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.all))
}

// remove removes a chat, unless clear has done so.
func (s *feedChats) remove(c *feedChat) {
	s.mu.Lock()
	found := s.all[c.id] == c
	if found {
		delete(s.all, c.id)
	}
	s.mu.Unlock()
	if found {
		c.leave()
	}
}

// clear removes all chats; for good, if over.
func (s *feedChats) clear(over bool) {
	s.mu.Lock()
	chats := s.all
	s.placeLocked() // for the last time, if over
	s.all, s.ready = map[string]*feedChat{}, nil
	s.over = s.over || over
	s.mu.Unlock()
	for _, c := range chats {
		c.leave()
	}
}

// enqueue notes that the chat may have news.
func (s *feedChats) enqueue(c *feedChat) {
	s.mu.Lock()
	if !c.queued {
		c.queued = true
		s.ready = append(s.ready, c)
	}
	s.mu.Unlock()
	signal(s.news)
}

// dequeue returns the next chat that may have news, or nil.
func (s *feedChats) dequeue() *feedChat {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) > 0 {
		c := s.ready[0]
		s.ready[0] = nil
		s.ready = s.ready[1:]
		c.queued = false
		if s.all[c.id] == c { // it may have been removed while it waited
			return c
		}
	}
	return nil
}

// placeLocked is what people see of the feed; after the end, what they last could see.
func (s *feedChats) placeLocked() events.Place {
	if !s.over {
		s.place.Chats, s.place.Waiting = len(s.all), len(s.ready)
	}
	return s.place
}
