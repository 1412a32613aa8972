package hub

import (
	"context"
	"math"
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
	allPartitions = math.MaxUint64
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
			h.gaps.Or(due)
		}
	}
}

// waitToSweep waits until a sweep is due and returns the partitions to sweep, one bit each.
func (h *Hub) waitToSweep(ctx context.Context, failing bool) uint64 {
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
			if due := h.gaps.Swap(0); due != 0 {
				return due
			}
			if h.inHurry() {
				return allPartitions
			}
		case <-timer:
			h.gaps.Store(0)
			return allPartitions
		case <-ctx.Done():
			return 0
		}
	}
}

// sweep reads the heads of the followed chats in the partitions, and passes each one to its topic.
func (h *Hub) sweep(ctx context.Context, partitions uint64) error {
	topics := h.topicsIn(partitions)
	for chunk := range slices.Chunk(topics, sweepChunk) {
		if err := h.sweepTopics(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) topicsIn(partitions uint64) []*topic {
	h.topicsMu.RLock()
	defer h.topicsMu.RUnlock()
	topics := make([]*topic, 0, len(h.topics))
	for id, t := range h.topics {
		if partitions>>events.ChatTopic(id).Partition()&1 == 1 {
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
	var heads []db.Head
	err := db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		heads, err = h.repo.Heads(ctx, ids)
		return err
	})
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
