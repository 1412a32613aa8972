package events

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"studychat/db"
)

const (
	// feedKept is how far back a feed can go on: deleted chats and memberships that ended are told about for 30 days,
	// while tombstones are kept. One day less, for whoever prunes early.
	feedKept = 29 * 24 * time.Hour

	// feedAhead is how far a cursor may be ahead of the database's time: Repository.Now is measured, and may be that much
	// behind. Cursors that a server made are db.FeedOverlap behind.
	feedAhead = time.Second

	// How often a feed looks for chats that are new to it, beyond being told.
	feedHealthy  = 5 * time.Second
	feedDegraded = time.Second
)

// watermark is the time before which a feed has delivered everything. All its times are the database's.
//
// It moves in rounds. A refresh asks for the horizon, before which nothing is stamped that is not committed yet
// (db.Clock), and then reads the heads of all chats that changed. Once each follower has reached its head of that read,
// everything before the horizon is delivered, and the watermark is the horizon less db.FeedOverlap. A horizon that does
// not move, because a transaction is under way, costs that more is read again and nothing else.
type watermark struct {
	user        string
	epoch       int64
	at          time.Time            // the watermark
	round       time.Time            // the horizon of the round that is under way; zero when there is none
	due         map[string]int64     // by chat, the number to reach in this round
	ended       map[string]feedEnded // chats whose stream ended lately
	since       time.Time            // changes since then are to be looked for by the next refresh
	nextRefresh time.Time            // by this machine's clock
	replay
}

// feedEnded remembers up to where a chat was told when it ended, so that the next refreshes do not bring it back.
type feedEnded struct {
	seq int64
	at  time.Time // when that happened with which it ended, or later
}

// cursor is where the feed stands, as clients see it.
func (w *watermark) cursor() string {
	return db.FeedCursor{User: w.user, Epoch: w.epoch, At: w.at, Replay: w.told}.String()
}

// remember notes the end of a chat's stream, and forgets the ends that no refresh will bring up again.
func (w *watermark) remember(chatID string, e feedEnded) {
	w.ended[chatID] = e
	for id, e := range w.ended {
		if e.at.Before(w.since) {
			delete(w.ended, id)
		}
	}
}

// settle notes how far a chat has come and closes the round if it was the last one.
func (s *feedStream) settle(c *feedChat) {
	if c.from == nil && c.cursor.Seq >= s.due[c.topic.chatID] {
		delete(s.due, c.topic.chatID)
	}
	s.closeRound()
}

func (s *feedStream) closeRound() {
	if len(s.due) > 0 || len(s.queue) > 0 || s.round.IsZero() {
		return
	}
	if at := s.round.Add(-db.FeedOverlap); at.After(s.at) {
		s.at = at
	}
	s.round = time.Time{}
}

// open finds the viewer's chats and where to start in each. A feed that does not go on from a cursor tells nothing of what one
// snapshot shows: neither of chats that the viewer is in, nor of what ended before.
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
	goesOn := after != nil && s.judge(*after)
	heads = slices.DeleteFunc(heads, func(head db.Head) bool {
		if head.Member && head.DeletedAt == nil {
			return false
		}
		if !goesOn {
			s.remember(head.ChatID, feedEnded{head.HeadSeq, head.LastAt})
		}
		return true
	})
	for _, head := range heads {
		s.add(head)
	}
	s.present = latest(heads)
	if goesOn {
		s.at, s.since, s.told = after.At, after.At, after.Replay
	}
	return s.refresh(ctx, goesOn) // again, now that the topics are followed
}

// judge returns whether the feed can go on from the cursor; if not, a reset comes first.
func (s *feedStream) judge(after db.FeedCursor) bool {
	now := s.hub.repo.Now()
	switch {
	case after.Epoch != s.epoch:
		s.resetTo(OtherEpoch)
	case after.At.After(now.Add(feedAhead)), after.Replay.Until.After(now.Add(feedAhead)):
		s.resetTo(Ahead)
	case after.At.Before(now.Add(-feedKept)):
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
	return s.stale.Load() || !time.Now().Before(s.nextRefresh)
}

// refreshAgain refreshes and plans the next time. A database that does not answer is asked again a little later.
func (s *feedStream) refreshAgain(ctx context.Context) {
	s.stale.Store(false)
	if err := db.Within(ctx, readTimeout, func(ctx context.Context) error { return s.refresh(ctx, false) }); err != nil {
		s.hub.log.Debug("refreshing a feed failed", "error", err)
		s.nextRefresh = time.Now().Add(jitter(feedDegraded))
	}
}

// refresh looks at the chats that changed: takes in those that are new to the feed, and makes sure of the others. The first
// one of a feed that goes on from a cursor begins the replay.
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
	if s.hub.unheard() {
		wait = feedDegraded
	}
	s.nextRefresh = time.Now().Add(jitter(wait))
	return nil
}

// admit takes in one head of a refresh.
func (s *feedStream) admit(head db.Head, since time.Time, replays bool) {
	e, ended := s.ended[head.ChatID]
	if ended && head.HeadSeq <= e.seq {
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
	switch {
	case replays:
		s.replayLater(c)
	case isNew && ended:
		c.from = &db.FeedPlace{Since: e.at, Seq: e.seq}
		s.enqueue(c)
	case isNew:
		c.from = &db.FeedPlace{Since: since}
		s.enqueue(c)
	}
	if c.from != nil || c.cursor.Seq < head.HeadSeq {
		s.due[head.ChatID] = head.HeadSeq
	}
}
