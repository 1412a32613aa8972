package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// selectHeads selects heads of chats c.
func selectHeads(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("chats AS c").
		ColumnExpr("c.id, c.head_seq, c.floor_seq, c.last_at, c.deleted_at").ColumnExpr(epochExpr)
}

// Head implements EventRepository.
func (s *Store) Head(ctx context.Context, viewer, chatID string) (Head, error) {
	var head Head
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return notFound(selectHeads(db).ColumnExpr("own.joined_seq").ColumnExpr("TRUE AS member").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Where("c.id = ? AND own.user_id = ?", chatID, viewer).Scan(ctx, &head))
	})
	s.sawEpoch(head.Epoch)
	return head, err
}

// notFound says that a chat's row is not there.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound("chat")
	}
	return err
}

// FeedHeads implements EventRepository. Who was taken out of a chat is only known from the event that did it.
func (s *Store) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]Head, error) {
	return s.feedHeads(ctx, viewer, func(q *bun.SelectQuery) *bun.SelectQuery {
		if since == nil {
			return q.Where("c.deleted_at IS NULL AND c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?)", viewer)
		}
		return q.Where("c.last_at >= ?", *since).Where(everMemberOf, viewer, *since, MemberRemoved)
	})
}

// FeedStart implements EventRepository.
func (s *Store) FeedStart(ctx context.Context, viewer string, since time.Time) ([]Head, error) {
	return s.feedHeads(ctx, viewer, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("c.last_at >= ? OR (c.deleted_at IS NULL AND me.user_id IS NOT NULL)", since).
			Where(everMemberOf, viewer, since, MemberRemoved)
	})
}

// everMemberOf selects the chats that a user is a member of or was removed from since. (UNION and not OR: with OR both databases
// read through all chats there are.)
const everMemberOf = `c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?0
UNION SELECT e.chat_id FROM chat_events AS e WHERE e.subject_id = ?0 AND e.created_at >= ?1 AND e.kind = ?2)`

func (s *Store) feedHeads(ctx context.Context, viewer string, which func(*bun.SelectQuery) *bun.SelectQuery) ([]Head, error) {
	heads := []Head{}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return which(selectHeads(db).ColumnExpr("COALESCE(me.joined_seq, 0) AS joined_seq, me.user_id IS NOT NULL AS member").
			Join("LEFT JOIN chat_members AS me ON me.chat_id = c.id AND me.user_id = ?", viewer)).
			OrderExpr("c.id").Scan(ctx, &heads)
	})
	if err != nil {
		return nil, err
	}
	s.sawHeads(heads)
	return heads, nil
}

// Heads implements EventRepository.
func (s *Store) Heads(ctx context.Context, chatIDs []string) ([]Head, error) {
	heads := []Head{}
	if len(chatIDs) == 0 {
		return heads, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return selectHeads(db).Where("c.id IN (?)", bun.List(chatIDs)).Scan(ctx, &heads)
	})
	if err != nil {
		return nil, err
	}
	s.sawHeads(heads)
	return heads, nil
}

func (s *Store) sawHeads(heads []Head) {
	for _, head := range heads {
		s.sawEpoch(head.Epoch)
	}
}

// Epoch implements EventRepository.
func (s *Store) Epoch(ctx context.Context) (int64, error) {
	var epoch int64
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewSelect().TableExpr("stream_meta").Column("epoch").Scan(ctx, &epoch)
	})
	s.sawEpoch(epoch)
	return epoch, err
}

// Log implements EventRepository: at most four statements in one snapshot.
func (s *Store) Log(ctx context.Context, chatID string, after int64, limit int) (*Log, error) {
	log := &Log{Events: []*Event{}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := selectHeads(tx).Where("c.id = ?", chatID).Scan(ctx, &log.Head); err != nil {
			return notFound(err)
		}
		after = max(after, log.FloorSeq)
		if limit <= 0 || after >= log.HeadSeq {
			return nil
		}
		merge := merge{tx: tx, head: log.Head, after: after, limit: limit}
		var err error
		log.Events, err = merge.run(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.sawEpoch(log.Epoch)
	return log, nil
}

// merge puts messages and the other events of a stretch of a log together.
type merge struct {
	tx    bun.Tx
	head  Head
	after int64
	limit int

	messages []*Message
	rows     []*eventRow
	wanted   map[string][]*Event // events that wait for their message, by its id
}

func (g *merge) run(ctx context.Context) ([]*Event, error) {
	if err := g.stretch(g.tx.NewSelect().Model(&g.messages)).Scan(ctx); err != nil {
		return nil, err
	}
	if err := g.stretch(g.tx.NewSelect().Model(&g.rows)).Scan(ctx); err != nil {
		return nil, err
	}
	g.wanted = map[string][]*Event{}
	events := []*Event{}
	for seq := g.after + 1; len(events) < g.limit && seq <= g.head.HeadSeq; seq++ {
		event, err := g.next(seq)
		if err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, g.fillMessages(ctx)
}

func (g *merge) stretch(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("chat_id = ? AND seq > ?", g.head.ChatID, g.after).OrderExpr("seq").Limit(int64(g.limit))
}

// next takes the event with the number seq from one of the two lists. A gap would be a lost event: it is never passed
// over in silence.
func (g *merge) next(seq int64) (*Event, error) {
	if len(g.messages) > 0 && g.messages[0].Seq == seq {
		m := g.messages[0]
		g.messages = g.messages[1:]
		return &Event{
			ChatID: m.ChatID, Seq: m.Seq, Epoch: g.head.Epoch, Kind: MessageSent, Actor: m.Author, At: m.CreatedAt, Message: m,
		}, nil
	}
	if len(g.rows) > 0 && g.rows[0].Seq == seq {
		event, message, err := g.rows[0].event(g.head.Epoch)
		g.rows = g.rows[1:]
		if err == nil && message != "" {
			g.wanted[message] = append(g.wanted[message], event)
		}
		return event, err
	}
	return nil, fmt.Errorf("chat %s: event %d is missing from the log", g.head.ChatID, seq)
}

// fillMessages gives edits and deletions their message as it is now.
func (g *merge) fillMessages(ctx context.Context) error {
	if len(g.wanted) == 0 {
		return nil
	}
	ids := make([]string, 0, len(g.wanted))
	for id := range g.wanted {
		ids = append(ids, id)
	}
	var messages []*Message
	if err := g.tx.NewSelect().Model(&messages).Where("id IN (?)", bun.List(ids)).Scan(ctx); err != nil {
		return err
	}
	for _, m := range messages {
		for _, event := range g.wanted[m.ID] {
			event.Message = m
		}
	}
	return nil
}
