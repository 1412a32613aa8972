package hub

import "studychat/events"

// topic returns the chat's topic, or nil if nobody follows the chat here.
func (h *Hub) topic(chatID string) *topic {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	return h.topics[chatID]
}

// acquire returns the chat's topic, which exists until it was released as often.
func (h *Hub) acquire(chatID string) *topic {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	t := h.topics[chatID]
	if t == nil {
		t = newTopic(h.reader, chatID)
		h.topics[chatID] = t
		h.bus.Join(events.ChatTopic(chatID).Partition())
	}
	t.refs++
	return t
}

func (h *Hub) release(t *topic) {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	t.refs--
	if t.refs > 0 {
		return
	}
	delete(h.topics, t.chatID)
	h.bus.Leave(events.ChatTopic(t.chatID).Partition())
	t.abandon()
}

func (h *Hub) addFeed(s *feedStream) {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	if h.feeds[s.viewer] == nil {
		h.feeds[s.viewer] = map[*feedStream]struct{}{}
		h.bus.Join(events.UserTopic(s.viewer).Partition())
	}
	h.feeds[s.viewer][s] = struct{}{}
}

func (h *Hub) removeFeed(s *feedStream) {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	delete(h.feeds[s.viewer], s)
	if len(h.feeds[s.viewer]) == 0 {
		delete(h.feeds, s.viewer)
		h.bus.Leave(events.UserTopic(s.viewer).Partition())
	}
}

// refreshFeeds makes the user's feeds look for new chats.
func (h *Hub) refreshFeeds(user string) {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	for s := range h.feeds[user] {
		s.setStale()
	}
}

// sink is the part of the hub that the bus sees.
type sink struct{ *Hub }

func (s sink) Notified(notification events.Notification) {
	if chatID, ok := notification.Topic.Chat(); ok {
		if t := s.topic(chatID); t != nil {
			t.notify(notification)
		}
		return
	}
	if user, ok := notification.Topic.User(); ok {
		s.refreshFeeds(user)
	}
}

func (s sink) Gap(int) {
	s.gap.Store(true)
	signal(s.kick)
}

func (s sink) StateChanged(events.State) { signal(s.kick) }
