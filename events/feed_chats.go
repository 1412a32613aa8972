package events

import "studychat/db"

// add follows another chat; head is where it was a moment ago. It returns nil when the stream was closed meanwhile.
func (s *feedStream) add(head db.Head) *feedChat {
	c := &feedChat{}
	c.follower = s.hub.follow(s.viewer, head.ChatID, func() { s.enqueue(c) })
	c.feed = true
	c.generation = c.topic.observe(head, c.topic.earlier())
	c.cursor, c.member = live(head), head.HeadSeq
	s.mu.Lock()
	over := s.over
	if !over {
		s.chats[head.ChatID] = c
	}
	s.mu.Unlock()
	if over {
		c.leave()
		return nil
	}
	return c
}

func (s *feedStream) remove(c *feedChat) {
	s.mu.Lock()
	mine := s.chats[c.topic.chatID] == c
	if mine {
		delete(s.chats, c.topic.chatID)
	}
	s.mu.Unlock()
	if mine { // else Close has let it go
		c.leave()
	}
}

func (s *feedStream) chat(id string) *feedChat {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chats[id]
}

// enqueue notes that the chat may have news.
func (s *feedStream) enqueue(c *feedChat) {
	s.mu.Lock()
	if !c.queued {
		c.queued = true
		s.ready = append(s.ready, c)
	}
	s.mu.Unlock()
	s.nudge()
}

func (s *feedStream) nudge() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// take returns the chat whose turn it is, or nil. While a replay is under way it is that one's.
func (s *feedStream) take() *feedChat {
	if len(s.queue) > 0 {
		return s.queue[0]
	}
	if s.current != nil {
		return s.current
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) > 0 {
		c := s.ready[0]
		s.ready[0] = nil
		s.ready = s.ready[1:]
		c.queued = false
		if s.chats[c.topic.chatID] == c { // it may have been taken out while it waited
			return c
		}
	}
	return nil
}

// leaveAll lets all chats go; for good, if the stream is over.
func (s *feedStream) leaveAll(over bool) {
	s.mu.Lock()
	chats := s.chats
	s.chats, s.ready = map[string]*feedChat{}, nil
	s.over = s.over || over
	s.mu.Unlock()
	for _, c := range chats {
		c.leave()
	}
}

func (h *Hub) addFeed(s *feedStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.feeds[s.viewer] == nil {
		h.feeds[s.viewer] = map[*feedStream]struct{}{}
		h.bus.Join(UserTopic(s.viewer).Partition())
	}
	h.feeds[s.viewer][s] = struct{}{}
}

func (h *Hub) removeFeed(s *feedStream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.feeds[s.viewer], s)
	if len(h.feeds[s.viewer]) == 0 {
		delete(h.feeds, s.viewer)
		h.bus.Leave(UserTopic(s.viewer).Partition())
	}
}

// refreshFeeds tells the user's feeds to look for new chats.
func (h *Hub) refreshFeeds(user string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := range h.feeds[user] {
		s.stale.Store(true)
		s.nudge()
	}
}
