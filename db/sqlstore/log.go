package sqlstore

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"studychat/db"
)

// eventLog is the part of the Store that the live path reads.
type eventLog struct{ *database }

// Log implements db.Repository: at most four statements in one snapshot.
func (s eventLog) Log(ctx context.Context, chatID string, after int64, limit int) (*db.Log, error) {
	log := &db.Log{Events: []*db.Event{}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		if err := selectHeads(tx).Where("c.id = ?", chatID).Scan(ctx, &log.Head); err != nil {
			return notFound(err, "chat")
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

// merge merges messages and the other events of a part of a log by number.
type merge struct {
	tx    bun.Tx
	head  db.Head
	after int64
	limit int

	messages []*db.Message
	rows     []*eventRow
	wanted   map[string][]*db.Event // events that wait for their message, by its id
}

func (g *merge) run(ctx context.Context) ([]*db.Event, error) {
	if err := g.stretch(g.tx.NewSelect().Model(&g.messages)).Scan(ctx); err != nil {
		return nil, err
	}
	if err := g.stretch(g.tx.NewSelect().Model(&g.rows)).Scan(ctx); err != nil {
		return nil, err
	}
	g.wanted = map[string][]*db.Event{}
	events := []*db.Event{}
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

// next takes the event with the number seq from one of the two lists. A gap would be a lost event, so it is an error.
func (g *merge) next(seq int64) (*db.Event, error) {
	if len(g.messages) > 0 && g.messages[0].Seq == seq {
		m := g.messages[0]
		g.messages = g.messages[1:]
		return &db.Event{
			ChatID: m.ChatID, Seq: m.Seq, Epoch: g.head.Epoch, Kind: db.MessageSent, Actor: m.Author, At: m.CreatedAt, Message: m,
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

// fillMessages gives edits and deletions their messages as they are now.
func (g *merge) fillMessages(ctx context.Context) error {
	if len(g.wanted) == 0 {
		return nil
	}
	ids := make([]string, 0, len(g.wanted))
	for id := range g.wanted {
		ids = append(ids, id)
	}
	var messages []*db.Message
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
