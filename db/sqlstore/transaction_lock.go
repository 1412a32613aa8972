package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// lockedChat is a chat whose row this transaction has locked, and the viewer's role in it.
type lockedChat struct {
	chat   *db.Chat // without Members; HeadSeq and LastAt are those of the new event
	viewer string
	role   db.MemberRole
	users  []string // the members before the write, the viewer first; at most rosterLimit
	taken  bool     // a chat has the id that was reserved
}

// rosterLimit is how many members a write reads. It is enough to see that the removal of one leads back to MaxGuardedMembers.
const rosterLimit = db.MaxGuardedMembers + 2

// lockChat takes the chat's row lock and its next number, and then checks that the viewer is a member: NOT_FOUND of what if not.
//
// Both in one statement would be wrong. In PostgreSQL (READ COMMITTED) a statement that had to wait for the row lock continues with
// the row's new version, but its subqueries still see the snapshot from before the wait: a member who was removed during the wait
// would pass. So the EXISTS in the UPDATE grants nothing; it only keeps non-members from locking rows. The next statement has a new
// snapshot, and nobody can change the members while this transaction holds the lock.
//
// With the id of a new message, the same statement also moves the chat to the front of lists and reserves the id: see reserveID.
func (s *transactions) lockChat(ctx context.Context, tx bun.Tx, viewer, chatID, what, messageID string) (*lockedChat, error) {
	moved, reserve := "", bun.SafeQuery("NULL")
	if messageID != "" {
		moved = ", last_message_at = CASE WHEN last_at > ?0 THEN last_at ELSE ?0 END"
		if s.traits.reserve != "" {
			reserve = bun.SafeQuery(s.traits.reserve, messageID)
		}
	}
	chat := new(db.Chat)
	err := tx.NewRaw(`UPDATE chats SET head_seq = head_seq + 1, last_at = CASE WHEN last_at > ?0 THEN last_at ELSE ?0 END`+moved+`
WHERE id = ?1 AND deleted_at IS NULL AND EXISTS (SELECT 1 FROM chat_members AS cm WHERE cm.chat_id = ?1 AND cm.user_id = ?2)
RETURNING id, title, module_id, created_by, created_at, last_at, last_message_at, head_seq, floor_seq, ?3 AS reserved, `+epochExpr,
		s.stamp(), chatID, viewer, reserve).
		Scan(ctx, chat)
	if err != nil {
		return nil, notFound(err, what)
	}
	return readRoster(ctx, tx, &lockedChat{chat: chat, viewer: viewer}, what, messageID)
}

// reserveID makes every other write with the id wait until this transaction ends. The unique keys of chats and of messages cannot do
// that: two transactions, one per table, would not see each other. The statement that checks whether the id is taken has to begin
// after this one.
func (s *transactions) reserveID(ctx context.Context, tx bun.Tx, id string) error {
	if s.traits.reserve == "" {
		return nil
	}
	_, err := tx.NewRaw("SELECT ?", bun.SafeQuery(s.traits.reserve, id)).Exec(ctx)
	return err
}

// readRoster reads the viewer's role, the members for the guard, and whether newID is taken, in one statement.
func readRoster(ctx context.Context, tx bun.Tx, e *lockedChat, what, newID string) (*lockedChat, error) {
	var members []struct {
		UserID string
		Role   db.MemberRole
		Taken  bool
	}
	q := tx.NewSelect().TableExpr("chat_members").Column("user_id", "role").Where("chat_id = ?", e.chat.ID)
	if newID != "" {
		q = q.ColumnExpr("EXISTS (SELECT 1 FROM chats AS o WHERE o.id = ?) AS taken", newID)
	}
	err := q.
		OrderExpr("CASE WHEN user_id = ? THEN 0 ELSE 1 END", e.viewer).
		Limit(rosterLimit).
		Scan(ctx, &members)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 || members[0].UserID != e.viewer {
		return nil, db.NotFound(what)
	}
	e.role, e.taken = members[0].Role, members[0].Taken
	for _, m := range members {
		e.users = append(e.users, m.UserID)
	}
	return e, nil
}

// event is the event that the transaction commits.
func (e *lockedChat) event(kind db.EventKind) *db.Event {
	return &db.Event{
		ChatID: e.chat.ID, Seq: e.chat.HeadSeq, Epoch: e.chat.Epoch, Kind: kind, Actor: e.viewer, At: e.chat.LastAt,
	}
}

// change is what to commit with the event.
func (e *lockedChat) change(event *db.Event) change {
	return change{event: event, members: guardedMembers(e.users, event)}
}

// guardedMembers returns the users whose lists a write changes, given the members before it: see Write.Members.
func guardedMembers(users []string, event *db.Event) []string {
	before := len(users)
	after := before
	if event.Left() != "" {
		after--
	}
	if user := event.Joined(); user != "" {
		users = append(users, user)
		after++
	}
	switch {
	case min(before, after) <= db.MaxGuardedMembers:
		return users
	case event.Member != nil:
		return []string{event.Member.UserID}
	}
	return nil
}

// noop answers a write that changes nothing. The rollback gives the number back.
func (e *lockedChat) noop(event *db.Event) *db.Event {
	event.Seq--
	event.Repeated = true
	return event
}
