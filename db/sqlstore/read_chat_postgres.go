package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// A chat is read more often than anything else. PostgreSQL reads it in a function (migrations/postgres/0004_chat_read.tx.up.sql), which
// travels with BEGIN and COMMIT in one message, and whose rows are read without Bun: five round trips, planning and scanning by reflection
// were most of the work for a page that is not cached.

// readChat reads a chat with its members and newest messages: ?0 is its id, ?1 the viewer.
const readChat = `;
SELECT title, module_id, created_by, created_at, last_at, last_message_at, head_seq, floor_seq, epoch,
user_id, role, joined_at, joined_seq, read_seq,
id, seq, author_id, message_role, content, reply_to, message_created_at, edited_at, message_deleted_at FROM chat_read(?0, ?1, ?2);
COMMIT`

// Where the columns of a member and of a message begin.
const (
	memberColumns  = 9
	messageColumns = 14
)

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

// scanChat reads what readChat returned: the row of the chat, then those of its members, then those of its messages.
func scanChat(id string, results []postgres.Rows) (*db.Chat, error) {
	if len(results) != 1 {
		return nil, fmt.Errorf("%d statements returned rows, not 1", len(results))
	}
	rows := results[0]
	if rows.Len() == 0 {
		return nil, db.NotFound("chat")
	}
	members := 1
	for members < rows.Len() && !rows.Null(members, memberColumns) {
		members++
	}
	c := &db.Chat{ID: id}
	err := rows.Scan(0, &c.Title, &c.ModuleID, &c.CreatedBy, &c.CreatedAt, &c.LastAt, &c.LastMessageAt, &c.HeadSeq, &c.FloorSeq, &c.Epoch)
	if err != nil {
		return nil, err
	}
	c.Members, err = scanAll(rows.Part(1, members, memberColumns), func(m *db.Member) []any {
		m.ChatID = id
		return []any{&m.UserID, (*string)(&m.Role), &m.JoinedAt, &m.JoinedSeq, &m.ReadSeq}
	})
	if err != nil {
		return nil, err
	}
	messages, err := scanAll(rows.Part(members, rows.Len(), messageColumns), func(m *db.Message) []any {
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
