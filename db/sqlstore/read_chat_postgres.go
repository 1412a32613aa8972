package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// A chat is read more often than anything else. Its three statements travel with BEGIN and COMMIT in one message, and their rows are
// read without Bun: five round trips and scanning by reflection were two thirds of the server's work for a page that is not cached.

// readChat reads a chat with its members and newest messages: ?0 is its id, ?1 the viewer. To a viewer who is not a member each of the
// statements gives nothing.
const readChat = `;
SELECT c.title, c.module_id, c.created_by, c.created_at, c.last_at, c.last_message_at, c.head_seq, c.floor_seq, ` + epochExpr + ` FROM chats AS c
WHERE c.id = ?0 AND c.deleted_at IS NULL AND ` + isMember + `;
SELECT cm.user_id, cm.role, cm.joined_at, cm.joined_seq, cm.read_seq FROM chat_members AS cm
WHERE cm.chat_id = ?0 AND ` + isMember + ` ORDER BY cm.joined_at, cm.user_id;
SELECT m.id, m.seq, m.author_id, m.role, m.content, m.reply_to, m.created_at, m.edited_at, m.deleted_at FROM messages AS m
WHERE m.chat_id = ?0 AND ` + isMember + ` ORDER BY m.seq DESC LIMIT ?2;
COMMIT`

const isMember = `(SELECT 1 FROM chat_members AS own WHERE own.chat_id = ?0 AND own.user_id = ?1) IS NOT NULL`

func (s reads) chatAtOnce(ctx context.Context, viewer, id string) (*db.Chat, error) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var rows []postgres.Rows
	err := postgres.InSession(limited, s.reader.DB, func(session postgres.Session) (err error) {
		text := session.BeginRead() + s.reader.QueryGen().FormatQuery(readChat, id, viewer, db.MessagePage+1)
		rows, err = s.runHooked(limited, session, text)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	if len(rows) != 3 {
		return nil, fmt.Errorf("%d statements returned rows, not 3", len(rows))
	}
	if rows[0].Len() == 0 {
		return nil, db.NotFound("chat")
	}
	chat := &db.Chat{ID: id}
	if err := rows[0].Each(0, chatColumns(chat)); err != nil {
		return nil, err
	}
	if chat.Members, err = scanned(rows[1], id, memberColumns); err != nil {
		return nil, err
	}
	messages, err := scanned(rows[2], id, messageColumns)
	if err != nil {
		return nil, err
	}
	chat.Newest, chat.LastMessage = newest(messages)
	return chat, nil
}

// scanned reads rows into structs that lie side by side. columns returns what takes the columns of one of them.
func scanned[T any](rows postgres.Rows, chatID string, columns func(chatID string, into *T) func(column string, value []byte) error) ([]*T, error) {
	all, pointers := make([]T, rows.Len()), make([]*T, rows.Len())
	for i := range all {
		pointers[i] = &all[i]
		if err := rows.Each(i, columns(chatID, &all[i])); err != nil {
			return nil, err
		}
	}
	return pointers, nil
}

func chatColumns(c *db.Chat) func(column string, value []byte) error {
	return func(column string, value []byte) (err error) {
		switch column {
		case "title":
			c.Title = string(value)
		case "module_id":
			c.ModuleID = postgres.OptionalText(value)
		case "created_by":
			c.CreatedBy = string(value)
		case "created_at":
			c.CreatedAt, err = postgres.Time(value)
		case "last_at":
			c.LastAt, err = postgres.Time(value)
		case "last_message_at":
			c.LastMessageAt, err = postgres.Time(value)
		case "head_seq":
			c.HeadSeq, err = postgres.Number(value)
		case "floor_seq":
			c.FloorSeq, err = postgres.Number(value)
		case "epoch":
			c.Epoch, err = postgres.Number(value)
		}
		return err
	}
}

func memberColumns(chatID string, m *db.Member) func(column string, value []byte) error {
	m.ChatID = chatID
	return func(column string, value []byte) (err error) {
		switch column {
		case "user_id":
			m.UserID = string(value)
		case "role":
			m.Role = db.MemberRole(value)
		case "joined_at":
			m.JoinedAt, err = postgres.Time(value)
		case "joined_seq":
			m.JoinedSeq, err = postgres.Number(value)
		case "read_seq":
			m.ReadSeq, err = postgres.Number(value)
		}
		return err
	}
}

func messageColumns(chatID string, m *db.Message) func(column string, value []byte) error {
	m.ChatID = chatID
	return func(column string, value []byte) (err error) {
		switch column {
		case "id":
			m.ID = string(value)
		case "seq":
			m.Seq, err = postgres.Number(value)
		case "author_id":
			m.Author = string(value)
		case "role":
			m.Role = db.MessageRole(value)
		case "content":
			m.Content = string(value)
		case "reply_to":
			m.ReplyTo = postgres.OptionalText(value)
		case "created_at":
			m.CreatedAt, err = postgres.Time(value)
		case "edited_at":
			m.EditedAt, err = postgres.OptionalTime(value)
		case "deleted_at":
			m.DeletedAt, err = postgres.OptionalTime(value)
		}
		return err
	}
}

// runHooked tells the hook of the statements, as Bun would.
func (s *database) runHooked(ctx context.Context, session postgres.Session, statements string) (rows []postgres.Rows, err error) {
	if s.hook == nil {
		return session.Run(ctx, statements)
	}
	event := &bun.QueryEvent{DB: s.reader, Query: statements, StartTime: time.Now()}
	ctx = s.hook.BeforeQuery(ctx, event)
	defer func() { s.hook.AfterQuery(ctx, event) }()
	rows, event.Err = session.Run(ctx, statements)
	return rows, event.Err
}
