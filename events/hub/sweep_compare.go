package hub

import (
	"context"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

const (
	compareHeads = 500              // chats in one statement
	compareEvery = 30 * time.Second // all topics, one partition after the other
)

// turn is whose turn it is to be compared. Changes tell what was added to the logs. Only a comparison finds a log that became shorter or
// vanished: a database that was restored without a new epoch.
type turn struct {
	at   time.Time // when next is due, by this machine
	next int       // partition
}

// take returns the partitions that are due. After a pause it does not make up for more than one turn of all.
func (t *turn) take(now time.Time) (due events.PartitionSet) {
	const each = compareEvery / events.Partitions
	if oldest := now.Add(each - compareEvery); t.at.Before(oldest) {
		t.at = oldest
	}
	for ; !t.at.After(now); t.at = t.at.Add(each) {
		due[t.next] = true
		t.next = (t.next + 1) % events.Partitions
	}
	return due
}

// compareNext compares the topics whose turn it is.
func (s *sweeper) compareNext(ctx context.Context) error {
	return s.compare(ctx, s.topicsIn(s.turn.take(time.Now())))
}

// compareAll compares all topics, instead of reading what has changed. The times are from before.
func (s *sweeper) compareAll(ctx context.Context, horizon, now time.Time) error {
	err := s.compare(ctx, s.topicsIn(events.AllPartitions()))
	if err == nil {
		s.reached.swept(horizon, now, true)
	}
	return err
}

// compareOlder compares the topics that do not know the epoch yet.
func (s *sweeper) compareOlder(ctx context.Context, epoch int64) error {
	topics := s.topicsIn(events.AllPartitions())
	return s.compare(ctx, slices.DeleteFunc(topics, func(t *topic) bool { return t.knownEpoch() >= epoch }))
}

// compare reads the heads of the topics, and passes each one to its topic.
func (s *sweeper) compare(ctx context.Context, topics []*topic) error {
	for chunk := range slices.Chunk(topics, compareHeads) {
		if err := s.compareChunk(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) topicsIn(partitions events.PartitionSet) []*topic {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	var topics []*topic
	for _, t := range h.topics {
		if partitions[t.partition] {
			topics = append(topics, t)
		}
	}
	return topics
}

func (s *sweeper) compareChunk(ctx context.Context, topics []*topic) error {
	ids := make([]string, 0, len(topics))
	positions := make([]position, 0, len(topics))
	known := topics[:0]
	for _, t := range topics {
		if p, ok := t.position(); ok { // the first follower of the others is about to read the head
			ids, positions, known = append(ids, t.chatID), append(positions, p), append(known, t)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	heads, err := within(ctx, func(ctx context.Context) ([]db.Head, error) { return s.repo.Heads(ctx, ids) })
	if err != nil {
		return err
	}
	found := make(map[string]db.Head, len(heads))
	for _, head := range heads {
		found[head.ChatID] = head
	}
	for i, t := range known {
		if head, ok := found[t.chatID]; ok {
			t.observe(head, positions[i])
		} else {
			t.vanish()
		}
	}
	return nil
}
