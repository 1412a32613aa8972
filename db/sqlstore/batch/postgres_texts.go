package batch

import (
	"reflect"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// column is a value of each element, as an array.
func column[T, V any](of []T, value func(T) V) schema.QueryAppender {
	values := make([]V, len(of))
	for i := range of {
		values[i] = value(of[i])
	}
	return pgdialect.Array(values)
}

// readText calls the function that locks and reads.
func (b *Batch) readText(gen schema.QueryGen, wait bool) string {
	return gen.FormatQuery("SELECT * FROM send_read(?, ?, ?, ?, ?, ?, ?)",
		column(b.Calls, func(c *Call) string { return c.Key }),
		column(b.Calls, func(c *Call) string { return c.Item.Viewer }),
		column(b.Calls, func(c *Call) string { return c.Item.Message.ID }),
		column(b.Calls, func(c *Call) *string { return c.Item.Message.ReplyTo }),
		pgdialect.Array(b.firsts()), wait, roster)
}

// scan reads what that function returns: chats, and then calls.
func (b *Batch) scan(rows postgres.Rows) error {
	chats, calls := make([]*Chat, 0, rows.Len()), make([]found, 0, len(b.Calls))
	for i := range rows.Len() {
		chat, call := new(Chat), found{}
		err := rows.Scan(i, &chat.ID, &chat.HeadSeq, &chat.LastAt, &chat.LastMessageAt, &chat.Epoch, &chat.Stamp,
			&call.N, &call.Member, &call.Taken, &call.Sent, &call.Answers, &call.Held, &call.Users)
		switch {
		case err != nil:
			return err
		case chat.ID != "":
			chats = append(chats, chat)
		default:
			call.N-- // PostgreSQL counts from 1
			calls = append(calls, call)
		}
	}
	return b.add(chats, calls)
}

// storeText calls the function that stores messages and moves their chats.
func storeText(gen schema.QueryGen, messages []*db.Message, chats []*Chat) string {
	number := make(map[string]int64, len(chats))
	for i, chat := range chats {
		number[chat.ID] = int64(i) + 1
	}
	return gen.FormatQuery("SELECT send_store(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		column(messages, func(m *db.Message) string { return m.ID }),
		column(messages, func(m *db.Message) int64 { return number[m.ChatID] }),
		column(messages, func(m *db.Message) int64 { return m.Seq }),
		column(messages, func(m *db.Message) string { return m.Author }),
		column(messages, func(m *db.Message) string { return string(m.Role) }),
		column(messages, func(m *db.Message) string { return m.Content }),
		column(messages, func(m *db.Message) *string { return m.ReplyTo }),
		column(chats, func(c *Chat) string { return c.ID }),
		column(chats, func(c *Chat) int64 { return c.HeadSeq }),
		column(chats, func(c *Chat) time.Time { return c.LastAt }),
		column(chats, func(c *Chat) time.Time { return c.LastMessageAt }))
}

// scanMessages scans rows as Bun does.
func scanMessages(conn *bun.DB, rows postgres.Rows) (messages []*db.Message, err error) {
	table := conn.Table(reflect.TypeFor[db.Message]())
	for row := range rows.Len() {
		message := new(db.Message)
		err := rows.Each(row, func(column string, text []byte) error {
			field := table.LookupField(column)
			if field == nil || text == nil {
				return nil
			}
			return field.ScanValue(reflect.ValueOf(message).Elem(), string(text))
		})
		if err != nil {
			return nil, err
		}
		messages = append(messages, message)
	}
	return messages, nil
}
