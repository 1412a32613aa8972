package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

// eventRow is an event that is not a message, as it is stored.
type eventRow struct {
	bun.BaseModel `bun:"table:chat_events,alias:e"`

	ChatID    string       `bun:"chat_id,pk"`
	Seq       int64        `bun:"seq,pk"`
	Kind      db.EventKind `bun:"kind"`
	Actor     string       `bun:"actor_id"`
	Subject   *string      `bun:"subject_id"` // the user who was added or removed
	Payload   string       `bun:"payload"`    // eventPayload as JSON
	CreatedAt time.Time    `bun:"created_at"`
}

// eventPayload is what an event needs to be told again and what is not in the other columns. It is encoded here and
// handed to Bun as text: Bun's own JSON quoting damages strings with "\u0000" in them.
type eventPayload struct {
	Title    string     `json:"title,omitempty"`    // ChatCreated, ChatRenamed
	JoinedAt *time.Time `json:"joinedAt,omitempty"` // of ChatTransferred: when the new owner joined
	Message  string     `json:"message,omitempty"`  // the id, of MessageEdited and MessageDeleted; the content is only in messages
}

// storeEvent writes the event's row. MessageSent has none.
func storeEvent(ctx context.Context, tx bun.Tx, event *db.Event) error {
	payload := eventPayload{Title: event.Title}
	if event.Message != nil {
		payload.Message = event.Message.ID
	}
	if event.Kind == db.ChatTransferred {
		payload.JoinedAt = &event.Member.JoinedAt
	}
	encoded, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	row := &eventRow{
		ChatID: event.ChatID, Seq: event.Seq, Kind: event.Kind, Actor: event.Actor,
		Payload: string(encoded), CreatedAt: event.At,
	}
	if event.Member != nil {
		row.Subject = &event.Member.UserID
	}
	_, err = tx.NewInsert().Model(row).Exec(ctx)
	return err
}

// event is the row as an event. The second value is the id of the message that the caller has to fill in, or "".
func (r *eventRow) event(epoch int64) (*db.Event, string, error) {
	var payload eventPayload
	if err := json.Unmarshal([]byte(r.Payload), &payload); err != nil {
		return nil, "", err
	}
	event := &db.Event{
		ChatID: r.ChatID, Seq: r.Seq, Epoch: epoch, Kind: r.Kind, Actor: r.Actor, At: r.CreatedAt, Title: payload.Title,
	}
	switch {
	case r.Subject == nil:
	case r.Kind == db.MemberAdded:
		event.Member = &db.Member{ChatID: r.ChatID, UserID: *r.Subject, Role: db.RoleMember, JoinedAt: r.CreatedAt, JoinedSeq: r.Seq}
	case r.Kind == db.ChatTransferred:
		event.Member = &db.Member{ChatID: r.ChatID, UserID: *r.Subject, Role: db.RoleOwner}
		if payload.JoinedAt != nil {
			event.Member.JoinedAt = *payload.JoinedAt
		}
	default:
		event.Member = &db.Member{ChatID: r.ChatID, UserID: *r.Subject}
	}
	return event, payload.Message, nil
}
