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

func (s reads) chatAtOnce(ctx context.Context, viewer, id string) (chat *db.Chat, err error) {
	limited, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	err = postgres.InSession(limited, s.reader.DB, func(session postgres.Session) error {
		text := session.BeginRead() + s.reader.QueryGen().FormatQuery(readChat, id, viewer, db.MessagePage+1)
		rows, err := s.runHooked(limited, session, text)
		if err == nil {
			chat, err = scanChat(id, rows)
		}
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	return chat, nil
}

// scanChat reads what readChat returned.
func scanChat(id string, rows []postgres.Rows) (*db.Chat, error) {
	if len(rows) != 3 {
		return nil, fmt.Errorf("%d statements returned rows, not 3", len(rows))
	}
	if rows[0].Len() == 0 {
		return nil, db.NotFound("chat")
	}
	c := &db.Chat{ID: id}
	err := rows[0].Scan(0, &c.Title, &c.ModuleID, &c.CreatedBy, &c.CreatedAt, &c.LastAt, &c.LastMessageAt, &c.HeadSeq, &c.FloorSeq, &c.Epoch)
	if err != nil {
		return nil, err
	}
	c.Members, err = scanAll(rows[1], func(m *db.Member) []any {
		m.ChatID = id
		return []any{&m.UserID, (*string)(&m.Role), &m.JoinedAt, &m.JoinedSeq, &m.ReadSeq}
	})
	if err != nil {
		return nil, err
	}
	messages, err := scanAll(rows[2], func(m *db.Message) []any {
		m.ChatID = id
		return []any{&m.ID, &m.Seq, &m.Author, (*string)(&m.Role), &m.Content, &m.ReplyTo, &m.CreatedAt, &m.EditedAt, &m.DeletedAt}
	})
	c.Newest, c.LastMessage = newest(messages)
	return c, err
}

// scanAll reads rows into structs that lie side by side. columns are where the columns of one of them go.
func scanAll[T any](rows postgres.Rows, columns func(into *T) []any) ([]*T, error) {
	all, pointers := make([]T, rows.Len()), make([]*T, rows.Len())
	for i := range all {
		pointers[i] = &all[i]
		if err := rows.Scan(i, columns(&all[i])...); err != nil {
			return nil, err
		}
	}
	return pointers, nil
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
