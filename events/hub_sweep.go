package events

import (
	"context"
	"math"
	"slices"
	"time"

	"studychat/db"
)

// How often the heads of all followed chats are read, beyond every time that pokes may have been lost.
const (
	sweepHealthy  = 5 * time.Second // for the poke of a writer that died between commit and publish
	sweepDegraded = 250 * time.Millisecond
	sweepFailing  = time.Second // the database does not answer: no faster than this
	sweepChunk    = 500         // chats in a statement
	allPartitions = math.MaxUint64
)

// sweepForEver sweeps until ctx ends: everything at the pace of the bus's state, and single partitions after their gaps.
// Sweeps never overlap.
func (h *Hub) sweepForEver(ctx context.Context) {
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

// waitToSweep waits until a sweep is due and returns the partitions to sweep, a bit each.
func (h *Hub) waitToSweep(ctx context.Context, failing bool) uint64 {
	kick := h.kick
	wait := sweepHealthy
	if h.unheard() {
		wait = sweepDegraded
	}
	if failing {
		kick, wait = nil, sweepFailing // a gap is no reason to hurry a database that is down
	}
	timer := time.NewTimer(jitter(wait))
	defer timer.Stop()
	for {
		select {
		case <-kick:
			if due := h.gaps.Swap(0); due != 0 {
				return due
			}
			if h.unheard() {
				return allPartitions
			}
		case <-timer.C:
			h.gaps.Store(0)
			return allPartitions
		case <-ctx.Done():
			return 0
		}
	}
}

// sweep reads the heads of the followed chats in the partitions and lets each topic find out what it missed.
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
	h.mu.RLock()
	defer h.mu.RUnlock()
	topics := make([]*topic, 0, len(h.topics))
	for id, t := range h.topics {
		if partitions>>ChatTopic(id).Partition()&1 == 1 {
			topics = append(topics, t)
		}
	}
	return topics
}

func (h *Hub) sweepTopics(ctx context.Context, topics []*topic) error {
	ids := make([]string, 0, len(topics))
	marks := make([]mark, 0, len(topics))
	known := topics[:0]
	for _, t := range topics {
		if m, ok := t.knownMark(); ok { // one that is not known yet is about to read its head itself
			ids, marks, known = append(ids, t.chatID), append(marks, m), append(known, t)
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
			t.observe(head, marks[i])
		} else {
			t.vanish()
		}
	}
	return nil
}

func (t *topic) knownMark() (mark, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mark{t.generation, t.last, t.want}, t.known
}
