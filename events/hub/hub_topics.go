package hub

import (
	"studychat/events"
	"studychat/events/hub/delivery"
)

// topic returns the chat's topic, or nil if nobody follows the chat here.
func (h *Hub) topic(chatID string) *topic {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	return h.topics[chatID]
}

// acquire returns the chat's topic, which exists until it was released as often.
func (h *Hub) acquire(chatID string, ofFeed bool) *topic {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	t := h.topics[chatID]
	if t == nil {
		t = newTopic(h.reader, chatID)
		h.topics[chatID] = t
		h.bus.Join(events.ChatTopic(chatID).Partition())
	}
	t.refs++
	if !ofFeed {
		t.streams++
	}
	return t
}

func (h *Hub) release(t *topic, ofFeed bool) {
	h.topicsMu.Lock()
	defer h.topicsMu.Unlock()
	t.refs--
	if !ofFeed {
		t.streams--
	}
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

// Following counts what is followed here.
func (h *Hub) Following() (n delivery.Following) {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	n.Topics = len(h.topics)
	for _, t := range h.topics {
		n.Chats += t.streams
	}
	for _, feeds := range h.feeds {
		n.Feeds += len(feeds)
	}
	return n
}

// sink is the part of the hub that the bus sees.
type sink struct{ *Hub }

func (s sink) Notified(notification events.Notification) {
	if chatID, ok := notification.Topic.Chat(); ok {
		if t := s.topic(chatID); t != nil {
			t.notify(notification, pathOf(notification))
		}
		return
	}
	if user, ok := notification.Topic.User(); ok {
		s.refreshFeeds(user)
	}
}

// pathOf is how a notification came.
func pathOf(notification events.Notification) delivery.Path {
	if notification.Remote {
		return delivery.Bus
	}
	return delivery.Local
}

func (s sink) Gap(int) {
	s.stats.Gaps.Add(1)
	s.gap.Store(true)
	signal(s.kick)
}

func (s sink) StateChanged(events.State) { signal(s.kick) }
