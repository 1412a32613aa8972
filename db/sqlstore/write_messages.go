package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/batch"
)

// SendMessage implements db.Repository.
func (s writes) SendMessage(ctx context.Context, viewer string, message db.NewMessage) (*db.Event, error) {
	return s.sends.do(ctx, &batch.Send{Ctx: ctx, Viewer: viewer, Message: message})
}

// EditMessage implements db.Repository.
func (s writes) EditMessage(ctx context.Context, viewer, id, content string) (*db.Event, error) {
	return s.changeMessage(ctx, viewer, id, db.MessageEdited, func(e *lockedChat, event *db.Event) (*db.Event, error) {
		message := event.Message
		switch {
		case message.Author != viewer:
			return nil, db.Forbidden("Only the author of the message may do this.")
		case message.DeletedAt != nil:
			return nil, db.Conflict("The message is deleted.")
		case message.Content == content:
			return e.noop(event), nil
		}
		message.Content, message.EditedAt = content, &event.At
		return event, nil
	})
}

// DeleteMessage implements db.Repository.
func (s writes) DeleteMessage(ctx context.Context, viewer, id string) (*db.Event, error) {
	return s.changeMessage(ctx, viewer, id, db.MessageDeleted, func(e *lockedChat, event *db.Event) (*db.Event, error) {
		switch {
		case event.Message.Author != viewer && e.role != db.RoleOwner:
			return nil, db.Forbidden("Only the author of the message and the owner of the chat may do this.")
		case event.Message.DeletedAt != nil:
			return e.noop(event), nil
		}
		event.Message = event.Message.Redacted(event.At)
		return event, nil
	})
}

// fixedColumns of messages never change. An edit and a deletion write all others, so that a new column cannot be forgotten.
var fixedColumns = []string{"chat_id", "seq", "author_id", "role", "reply_to", "created_at"}

// changeMessage gives change an event with the message as it is, and stores the message as change leaves it.
func (s writes) changeMessage(ctx context.Context, viewer, id string, kind db.EventKind, change func(e *lockedChat, event *db.Event) (*db.Event, error)) (*db.Event, error) {
	chatID, err := s.chatOf(ctx, viewer, id)
	if err != nil {
		return nil, err
	}
	return s.inChat(ctx, viewer, chatID, "message", func(ctx context.Context, tx bun.Tx, e *lockedChat) (*db.Event, error) {
		event := e.event(kind)
		event.Message = new(db.Message)
		if err := tx.NewSelect().Model(event.Message).Where("id = ?", id).Scan(ctx); err != nil {
			return nil, notFound(err, "message")
		}
		event, err := change(e, event)
		if err != nil || event.Repeated {
			return event, err
		}
		_, err = tx.NewUpdate().Model(event.Message).ExcludeColumn(fixedColumns...).WherePK().Exec(ctx)
		return event, err
	})
}

// chatOf returns the chat of a message that the viewer may see. It is read before the transaction, because a message never moves.
func (s writes) chatOf(ctx context.Context, viewer, id string) (chatID string, err error) {
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return notFound(conn.NewSelect().TableExpr("messages AS m").Join("JOIN chat_members AS own ON own.chat_id = m.chat_id").
			ColumnExpr("m.chat_id").Where("m.id = ? AND own.user_id = ?", id, viewer).Scan(ctx, &chatID), "message")
	})
	return chatID, err
}
