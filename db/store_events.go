package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
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
		return notFound(selectHeads(db).ColumnExpr("own.joined_seq").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Where("c.id = ? AND own.user_id = ?", chatID, viewer).Scan(ctx, &head))
	})
	s.sawEpoch(head.Epoch)
	return head, err
}

// Departure implements EventRepository: two statements in one snapshot. Additions and removals of one user alternate, but
// for what was pruned, so the three newest hold the last removal and what began the membership that it ended.
func (s *Store) Departure(ctx context.Context, viewer, chatID string) (Head, *Event, error) {
	var head Head
	var rows []*eventRow // newest first
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := selectHeads(tx).Where("c.id = ?", chatID).Scan(ctx, &head); err != nil {
			return notFound(err)
		}
		return tx.NewSelect().Model(&rows).Where("subject_id = ? AND chat_id = ? AND kind IN (?, ?)", viewer, chatID, MemberAdded, MemberRemoved).
			OrderExpr("created_at DESC, seq DESC").Limit(3).Scan(ctx)
	})
	if err != nil {
		return Head{}, nil, err
	}
	s.sawEpoch(head.Epoch)
	i := slices.IndexFunc(rows, func(r *eventRow) bool { return r.Kind == MemberRemoved })
	if i < 0 {
		return Head{}, nil, NotFound("chat")
	}
	if i+1 < len(rows) && rows[i+1].Kind == MemberAdded {
		head.JoinedSeq = rows[i+1].Seq
	}
	removed, _, err := rows[i].event(head.Epoch)
	return head, removed, err
}

// notFound says that a chat's row is not there.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound("chat")
	}
	return err
}

// FeedHeads implements EventRepository. Who was taken out of a chat is only known from the event that did it. (UNION and
// not OR: with OR both databases read through all chats there are.)
func (s *Store) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]Head, error) {
	heads := []Head{}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		q := selectHeads(db).ColumnExpr("COALESCE(me.joined_seq, 0) AS joined_seq").
			Join("LEFT JOIN chat_members AS me ON me.chat_id = c.id AND me.user_id = ?", viewer).OrderExpr("c.last_at, c.id")
		if since == nil {
			q = q.Where("c.deleted_at IS NULL AND c.id IN (SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?)", viewer)
		} else {
			q = q.Where(`c.last_at >= ?0 AND c.id IN (
SELECT own.chat_id FROM chat_members AS own WHERE own.user_id = ?1
UNION SELECT e.chat_id FROM chat_events AS e WHERE e.subject_id = ?1 AND e.created_at >= ?0 AND e.kind = ?2)`,
				*since, viewer, MemberRemoved)
		}
		return q.Scan(ctx, &heads)
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

// SeqBefore implements EventRepository. Numbers have no gaps and times rise with them, so it halves the stretch until
// one number is left: a chat with 100,000 newer events costs 17 steps in one statement. lo is older than at, or the
// floor; what comes after hi is not.
func (s *Store) SeqBefore(ctx context.Context, chatID string, at time.Time) (seq int64, err error) {
	err = s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		seq, err = seqBefore(ctx, db, chatID, at)
		return err
	})
	return seq, err
}

func seqBefore(ctx context.Context, db bun.IDB, chatID string, at time.Time) (int64, error) {
	var seq int64
	err := db.NewRaw(`WITH RECURSIVE search (lo, hi) AS (
SELECT c.floor_seq, c.head_seq FROM chats AS c WHERE c.id = ?0
UNION ALL
SELECT CASE WHEN COALESCE(m.created_at, e.created_at) < ?1 THEN (s.lo + s.hi + 1) / 2 ELSE s.lo END,
       CASE WHEN COALESCE(m.created_at, e.created_at) < ?1 THEN s.hi ELSE (s.lo + s.hi + 1) / 2 - 1 END
FROM search AS s
LEFT JOIN messages AS m ON m.chat_id = ?0 AND m.seq = (s.lo + s.hi + 1) / 2
LEFT JOIN chat_events AS e ON e.chat_id = ?0 AND e.seq = (s.lo + s.hi + 1) / 2
WHERE s.lo < s.hi)
SELECT lo FROM search WHERE lo >= hi`, chatID, at).Scan(ctx, &seq)
	return seq, notFound(err)
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
