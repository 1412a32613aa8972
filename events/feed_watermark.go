package events

import (
	"context"
	"errors"
	"time"

	"studychat/db"
)

const (
	// feedKept is how far back a feed can go on: deleted chats and memberships that ended are told about for 30 days,
	// while tombstones are kept. One day less, for whoever prunes early.
	feedKept = 29 * 24 * time.Hour

	// How often a feed looks for chats that are new to it, beyond being told.
	feedHealthy  = 5 * time.Second
	feedDegraded = time.Second
)

// watermark is the time before which a feed has delivered everything.
//
// It moves in rounds. A refresh at the time R reads the heads of all chats that changed; once each follower has reached
// its head of that read, everything that was committed before R is delivered, and the watermark is R - db.FeedOverlap.
type watermark struct {
	user        string
	epoch       int64
	at          time.Time            // the watermark
	round       time.Time            // R of the round that is under way, if due is not empty
	due         map[string]int64     // by chat, the number to reach in this round
	ended       map[string]feedEnded // chats whose stream ended lately
	since       time.Time            // changes since then are to be looked for by the next refresh
	nextRefresh time.Time
}

// feedEnded remembers up to where a chat was told before it ended, so that the overlap of the next refreshes does not
// bring it back.
type feedEnded struct {
	seq  int64
	when time.Time
}

// cursor is where the feed stands, as clients see it.
func (w *watermark) cursor() string {
	return db.FeedCursor{User: w.user, Epoch: w.epoch, At: w.at}.String()
}

// remember notes the end of a chat's stream, and forgets the ends that no refresh will bring up again.
func (w *watermark) remember(chatID string, seq int64) {
	w.ended[chatID] = feedEnded{seq: seq, when: now()}
	for id, e := range w.ended {
		if time.Since(e.when) > 2*db.FeedOverlap && e.when.Before(w.since) {
			delete(w.ended, id)
		}
	}
}

// settle notes how far a chat has come and closes the round if it was the last one.
func (s *feedStream) settle(c *feedChat) {
	if seq, ok := s.due[c.topic.chatID]; ok && c.since == nil && c.cursor.Seq >= seq {
		delete(s.due, c.topic.chatID)
	}
	s.closeRound()
}

func (s *feedStream) closeRound() {
	if len(s.due) > 0 || s.round.IsZero() {
		return
	}
	if at := s.round.Add(-db.FeedOverlap); at.After(s.at) {
		s.at = at
	}
	s.round = time.Time{}
}

// open finds the viewer's chats and where to start in each.
func (s *feedStream) open(ctx context.Context, after *db.FeedCursor) error {
	ctx, cancel := context.WithTimeout(ctx, 2*readTimeout)
	defer cancel()
	begun := now()
	epoch, err := s.hub.repo.Epoch(ctx)
	if err != nil {
		return err
	}
	heads, err := s.hub.repo.FeedHeads(ctx, s.viewer, nil)
	if err != nil {
		return err
	}
	s.watermark = watermark{
		user: s.viewer, epoch: epoch, at: begun.Add(-db.FeedOverlap), since: begun.Add(-db.FeedOverlap),
		due: map[string]int64{}, ended: map[string]feedEnded{},
	}
	for _, head := range heads {
		s.add(head)
	}
	s.present = latest(heads)
	replay := after != nil && s.judge(*after, begun)
	if replay {
		s.at, s.since = after.At, after.At
	}
	return s.refresh(ctx, replay) // again, now that the topics are followed
}

// judge returns whether the feed can go on from the cursor; if not, a reset comes first.
func (s *feedStream) judge(after db.FeedCursor, at time.Time) bool {
	switch {
	case after.Epoch != s.epoch:
		s.resetTo(OtherEpoch)
	case after.At.After(at):
		s.resetTo(Ahead)
	case after.At.Before(at.Add(-feedKept)):
		s.resetTo(Expired)
	default:
		return true
	}
	return false
}

func (s *feedStream) resetTo(reason ResetReason) {
	s.pending = &Item{Cursor: s.cursor(), At: s.hub.repo.Now(), Reset: &Reset{Reason: reason}}
}

// reopen starts over in another epoch.
func (s *feedStream) reopen(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		s.current = nil
		s.leaveAll(false)
		if s.open(ctx, nil) == nil {
			s.broken = false
			s.resetTo(OtherEpoch)
			return nil
		}
		if err := s.hub.pause(ctx, attempt); err != nil {
			return err
		}
	}
}

func (s *feedStream) refreshDue() bool {
	return s.stale.Load() || !time.Now().Before(s.nextRefresh) // not now(): rounded down it would be too early for ever
}

// refreshAgain refreshes and plans the next time. A database that does not answer is asked again a little later.
func (s *feedStream) refreshAgain(ctx context.Context) {
	s.stale.Store(false)
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.refresh(ctx, false); err != nil {
		s.hub.log.Debug("refreshing a feed failed", "error", err)
		s.nextRefresh = now().Add(jitter(feedDegraded))
	}
}

// refresh looks at the chats that changed: takes in those that are new to the feed, and makes sure of the others.
// With replay, also the chats that the feed follows start at s.since.
func (s *feedStream) refresh(ctx context.Context, replay bool) error {
	begun, since := now(), s.since
	heads, err := s.hub.repo.FeedHeads(ctx, s.viewer, &since)
	if err != nil {
		return err
	}
	for _, head := range heads {
		if head.Epoch != s.epoch {
			s.broken = true
			return db.Unavailable(errors.New("the epoch has changed"))
		}
		s.admit(head, since, replay)
	}
	if s.round.IsZero() {
		s.round = begun
	}
	s.closeRound()
	s.since = begun.Add(-db.FeedOverlap)
	wait := feedHealthy
	if s.hub.unheard() {
		wait = feedDegraded
	}
	s.nextRefresh = begun.Add(jitter(wait))
	return nil
}

// admit takes in one head of a refresh.
func (s *feedStream) admit(head db.Head, since time.Time, replay bool) {
	if e, ok := s.ended[head.ChatID]; ok && head.HeadSeq <= e.seq {
		return
	}
	c := s.chat(head.ChatID)
	isNew := c == nil
	if isNew {
		if c = s.add(head); c == nil {
			return
		}
		c.joined = true
	} else {
		c.topic.observe(head, c.topic.earlier())
	}
	if isNew || replay {
		c.since = &since
		s.enqueue(c)
	}
	if c.since != nil || c.cursor.Seq < head.HeadSeq {
		s.due[head.ChatID] = head.HeadSeq
	}
}
