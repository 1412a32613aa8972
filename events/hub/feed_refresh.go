package hub

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

// How often a feed looks for chats that are new to it, besides when it is notified.
const (
	feedHealthy = 5 * time.Second
	feedHurry   = time.Second
)

func (s *feedStream) refreshDue() bool {
	return s.stale.Load() || !time.Now().Before(s.nextRefresh)
}

// refreshAgain refreshes and plans the next time. If the database does not answer, that is soon.
func (s *feedStream) refreshAgain(ctx context.Context) {
	s.stale.Store(false)
	if err := db.Within(ctx, readTimeout, func(ctx context.Context) error { return s.refresh(ctx, false) }); err != nil {
		s.hub.log.Debug("refreshing a feed failed", "error", err)
		s.nextRefresh = time.Now().Add(events.Jitter(feedHurry))
	}
}

// refresh looks at the chats that changed. It adds those that are new to the feed, and makes sure of the others. The first refresh
// of a feed that continues from a cursor begins the replay.
func (s *feedStream) refresh(ctx context.Context, replays bool) error {
	horizon, since := s.hub.repo.Horizon(), s.since
	heads, err := s.hub.repo.FeedHeads(ctx, s.viewer, &since)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(heads, func(head db.Head) bool { return head.Epoch != s.epoch }) {
		s.broken = true
		return db.Unavailable(errors.New("the epoch has changed"))
	}
	if replays {
		slices.SortFunc(heads, func(a, b db.Head) int { return cmp.Compare(a.ChatID, b.ChatID) })
		s.beginReplay(horizon)
	}
	for _, head := range heads {
		s.admit(head, since, replays)
	}
	if s.round.IsZero() {
		s.round = horizon
	}
	s.endReplay()
	s.closeRound()
	s.since = horizon.Add(-db.FeedOverlap)
	wait := feedHealthy
	if s.hub.inHurry() {
		wait = feedHurry
	}
	s.nextRefresh = time.Now().Add(events.Jitter(wait))
	return nil
}

// admit handles one head of a refresh.
func (s *feedStream) admit(head db.Head, since time.Time, replays bool) {
	e, ended := s.ended[head.ChatID]
	if ended && head.HeadSeq <= e.seq {
		return
	}
	c := s.chats.get(head.ChatID)
	isNew := c == nil
	if isNew {
		if c = s.add(head); c == nil {
			return
		}
		c.joined = true
	} else {
		c.topic.observe(head, c.topic.unplaced())
	}
	switch {
	case replays:
		s.replayLater(c)
	case isNew && ended:
		c.from = &db.FeedPlace{Since: e.at, Seq: e.seq}
		s.chats.enqueue(c)
	case isNew:
		c.from = &db.FeedPlace{Since: since}
		s.chats.enqueue(c)
	}
	if c.from != nil || c.cursor.Seq < head.HeadSeq {
		s.due[head.ChatID] = head.HeadSeq
	}
}

// add follows another chat from a head of a moment ago. It returns nil if the stream was closed meanwhile.
func (s *feedStream) add(head db.Head) *feedChat {
	c := &feedChat{id: head.ChatID}
	c.follower = newFollower(s.hub, s.viewer, head.ChatID, true, func() { s.chats.enqueue(c) })
	c.startLive(head)
	if !s.chats.put(c) {
		c.leave()
		return nil
	}
	return c
}
