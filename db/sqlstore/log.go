package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

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
	ids := slices.Collect(maps.Keys(g.wanted))
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

// eventRow is the stored form of an event that is not a new message.
type eventRow struct {
	bun.BaseModel `bun:"table:chat_events,alias:e"`

	ChatID    string       `bun:"chat_id,pk"`
	Seq       int64        `bun:"seq,pk"`
	Kind      db.EventKind `bun:"kind"`
	Actor     string       `bun:"actor_id"`
	Subject   *string      `bun:"subject_id"` // CarriesNewMember, CarriesOwner, CarriesFormerMember: the user
	Payload   string       `bun:"payload"`    // eventPayload as JSON
	CreatedAt time.Time    `bun:"created_at"`
}

// The kinds that change who is a member, by the user in subject_id.
var (
	joinKinds  = bun.List(db.EventKinds(func(k db.KindRow) bool { return k.Joins == db.TheMember }))
	leaveKinds = bun.List(db.EventKinds(func(k db.KindRow) bool { return k.Leaves == db.TheMember }))
)

// eventPayload is the part of an event that has no column of its own. It is encoded here and given to Bun as text, because Bun's own
// JSON quoting damages strings that contain "\u0000".
type eventPayload struct {
	Title    string     `json:"title,omitempty"`    // CarriesTitle
	JoinedAt *time.Time `json:"joinedAt,omitempty"` // CarriesOwner: when the owner became a member
	Message  string     `json:"message,omitempty"`  // CarriesMessage: the id; messages alone holds the content
}

// storeEvent writes the event's row. An event that is a message has none.
func storeEvent(ctx context.Context, tx bun.Tx, event *db.Event) error {
	row, err := rowOf(event)
	if err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(row).Exec(ctx)
	return err
}

func rowOf(event *db.Event) (*eventRow, error) {
	payload := eventPayload{Title: event.Title}
	if event.Message != nil {
		payload.Message = event.Message.ID
	}
	if event.Kind.Row().Carries == db.CarriesOwner {
		payload.JoinedAt = &event.Member.JoinedAt
	}
	encoded, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	row := &eventRow{
		ChatID: event.ChatID, Seq: event.Seq, Kind: event.Kind, Actor: event.Actor,
		Payload: string(encoded), CreatedAt: event.At,
	}
	if event.Member != nil {
		row.Subject = &event.Member.UserID
	}
	return row, nil
}

// event is the row as an event. The second value is the id of the message that the caller has to set, or "".
func (r *eventRow) event(epoch int64) (*db.Event, string, error) {
	var payload eventPayload
	if err := json.Unmarshal([]byte(r.Payload), &payload); err != nil {
		return nil, "", err
	}
	event := &db.Event{
		ChatID: r.ChatID, Seq: r.Seq, Epoch: epoch, Kind: r.Kind, Actor: r.Actor, At: r.CreatedAt, Title: payload.Title,
	}
	if r.Subject != nil {
		event.Member = &db.Member{ChatID: r.ChatID, UserID: *r.Subject}
	}
	switch r.Kind.Row().Carries {
	case db.CarriesNewMember:
		event.Member.Role, event.Member.JoinedAt, event.Member.JoinedSeq = db.RoleMember, r.CreatedAt, r.Seq
	case db.CarriesOwner:
		event.Member.Role = db.RoleOwner
		if payload.JoinedAt != nil {
			event.Member.JoinedAt = *payload.JoinedAt
		}
	}
	return event, payload.Message, nil
}
