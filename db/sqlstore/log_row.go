package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

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
