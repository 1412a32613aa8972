package hub

import (
	"context"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

// How often the hub reads the heads of all followed chats, besides after each possible loss of notifications.
const (
	sweepHealthy  = 5 * time.Second // finds what a writer committed that died before it published
	sweepDegraded = 250 * time.Millisecond
	sweepFailing  = time.Second // while the database does not answer
	sweepChunk    = 500         // chats in one statement
)

// sweepUntil sweeps until ctx ends: all partitions at intervals that depend on the state of the bus, and single partitions after
// their gaps. Sweeps never overlap.
func (h *Hub) sweepUntil(ctx context.Context) {
	failing := false
	for {
		due := h.waitToSweep(ctx, failing)
		if ctx.Err() != nil {
			return
		}
		err := h.sweep(ctx, due)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			h.log.Warn("the database does not answer: events may come late", "error", err)
		case err == nil && failing:
			h.log.Info("the database answers again")
		}
		failing = err != nil
		if failing {
			h.gaps.AddAll(due)
		}
	}
}

// waitToSweep waits until a sweep is due and returns the partitions to sweep.
func (h *Hub) waitToSweep(ctx context.Context, failing bool) events.PartitionSet {
	kick := h.kick
	wait := sweepHealthy
	if h.inHurry() {
		wait = sweepDegraded
	}
	if failing {
		kick, wait = nil, sweepFailing // a gap must not add load to a database that is down
	}
	timer := time.After(events.Jitter(wait))
	for {
		select {
		case <-kick:
			if due := h.gaps.Take(); !due.Empty() {
				return due
			}
			if h.inHurry() {
				return events.AllPartitions()
			}
		case <-timer:
			h.gaps.Take()
			return events.AllPartitions()
		case <-ctx.Done():
			return events.PartitionSet{}
		}
	}
}

// sweep reads the heads of the followed chats in the partitions, and passes each one to its topic.
func (h *Hub) sweep(ctx context.Context, partitions events.PartitionSet) error {
	topics := h.topicsIn(partitions)
	for chunk := range slices.Chunk(topics, sweepChunk) {
		if err := h.sweepTopics(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) topicsIn(partitions events.PartitionSet) []*topic {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	topics := make([]*topic, 0, len(h.topics))
	for id, t := range h.topics {
		if partitions[events.ChatTopic(id).Partition()] {
			topics = append(topics, t)
		}
	}
	return topics
}

func (h *Hub) sweepTopics(ctx context.Context, topics []*topic) error {
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
	heads, err := within(ctx, func(ctx context.Context) ([]db.Head, error) { return h.repo.Heads(ctx, ids) })
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
