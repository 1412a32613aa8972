package hub

import (
	"context"
	"slices"
	"time"

	"studychat/db"
	"studychat/events"
)

const (
	// feedKept is how far back a feed can continue. Deleted chats and ended memberships are kept for 30 days, as tombstones; one day
	// less leaves room for early pruning.
	feedKept = 29 * 24 * time.Hour

	// feedAhead is how far a cursor may be ahead of the database's time, because Repository.Now is measured and may be that much
	// behind. Cursors made by a server are db.FeedOverlap behind.
	feedAhead = time.Second
)

// Feed follows all chats of the viewer from just after the cursor, or from now, at least once. Chats that the viewer joins begin
// with their latest events; chats that the viewer leaves end with MemberRemoved. Errors: UNAVAILABLE, ErrStopped.
func (h *Hub) Feed(ctx context.Context, viewer string, after *db.FeedCursor) (events.Stream, error) {
	if h.ctx.Err() != nil {
		return nil, events.ErrStopped
	}
	s := &feedStream{hub: h, viewer: viewer, chats: newFeedChats(), closed: make(chan struct{}), depart: func() {}}
	h.addFeed(s)
	if err := s.open(ctx, after); err != nil {
		s.Close()
		return nil, err
	}
	from := s.cursor()
	if after != nil {
		from = after.String()
	}
	s.started = &events.Item{Cursor: from, At: h.repo.Now(), Started: &events.Started{Resumed: after != nil && s.pending == nil}}
	s.arrive(ctx)
	return s, nil
}

// arrive tells the viewer's present chats that they are online. Chats that they join later are told by start.
func (s *feedStream) arrive(ctx context.Context) {
	topic := events.UserTopic(s.viewer)
	s.hub.arrive(ctx, topic, s.viewer, s.present)
	s.depart = func() {
		s.hub.depart(topic, s.viewer, func(ctx context.Context) ([]string, error) {
			heads, err := s.hub.repo.FeedHeads(ctx, s.viewer, nil)
			return latest(heads), err
		})
	}
	s.present = nil
	for _, c := range s.chats.list() {
		c.skipEphemeral() // the viewer's own arrival is not news to them
	}
}

// open finds the viewer's chats and where to start in each. A feed without a cursor delivers nothing of what its first snapshot
// shows: neither the chats that the viewer is a member of, nor what ended earlier.
func (s *feedStream) open(ctx context.Context, after *db.FeedCursor) error {
	return db.Within(ctx, 2*readTimeout, func(ctx context.Context) error { return s.openNow(ctx, after) })
}

func (s *feedStream) openNow(ctx context.Context, after *db.FeedCursor) error {
	epoch, err := s.hub.repo.Epoch(ctx)
	if err != nil {
		return err
	}
	since := s.hub.repo.Horizon().Add(-db.FeedOverlap)
	heads, err := s.hub.repo.FeedStart(ctx, s.viewer, since)
	if err != nil {
		return err
	}
	s.watermark = watermark{
		user: s.viewer, epoch: epoch, at: since, since: since,
		due: map[string]int64{}, ended: map[string]feedEnded{},
	}
	resumes := after != nil && s.canResume(*after)
	heads = slices.DeleteFunc(heads, func(head db.Head) bool {
		if head.Member && head.DeletedAt == nil {
			return false
		}
		if !resumes {
			s.remember(head.ChatID, feedEnded{head.HeadSeq, head.LastAt})
		}
		return true
	})
	for _, head := range heads {
		s.add(head)
	}
	s.present = latest(heads)
	if resumes {
		s.at, s.since, s.told = after.At, after.At, after.Replay
	}
	return s.refresh(ctx, resumes) // again, now that the topics are followed
}

// canResume reports whether the feed can continue from the cursor. If not, a reset comes first.
func (s *feedStream) canResume(after db.FeedCursor) bool {
	now := s.hub.repo.Now()
	switch {
	case after.Epoch != s.epoch:
		s.resetTo(events.OtherEpoch)
	case after.At.After(now.Add(feedAhead)), after.Replay.Until.After(now.Add(feedAhead)):
		s.resetTo(events.Ahead)
	case after.At.Before(now.Add(-feedKept)):
		s.resetTo(events.Expired)
	default:
		return true
	}
	return false
}

func (s *feedStream) resetTo(reason events.ResetReason) {
	s.hub.stats.Resets.Of(string(reason)).Add(1)
	s.pending = &events.Item{Cursor: s.cursor(), At: s.hub.repo.Now(), Reset: &events.Reset{Reason: reason}}
}

// reopen starts the feed again in another epoch.
func (s *feedStream) reopen(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		s.current = nil
		s.chats.clear(false)
		if s.open(ctx, nil) == nil {
			s.broken = false
			s.resetTo(events.OtherEpoch)
			return nil
		}
		if err := s.hub.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// start finds out where a chat begins: after c.from, but not before the viewer joined. It is called when it is the chat's turn, so
// that a viewer of a thousand chats asks the database one question at a time.
//
// One snapshot answers everything. If membership, removal and log were read one after the other, a viewer who is removed, added
// again or sees the chat deleted in between would miss events.
func (s *feedStream) start(ctx context.Context, c *feedChat) error {
	found, err := c.readStanding(ctx, *c.from)
	if err != nil {
		return err
	}
	if found.Epoch != s.epoch {
		s.broken = true
		return nil
	}
	if found.Removed == nil && found.Member {
		if c.joined && found.DeletedAt == nil {
			s.hub.tellPresence(ctx, s.viewer, []string{c.id}, true)
			c.skipEphemeral()
		}
		c.joined = false
	}
	c.startInFeed(found, *c.from)
	c.from = nil
	return nil
}
