package sqlstore

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/postgres"
)

// Chat implements db.Repository: three statements in one snapshot, and with PostgreSQL one round trip.
func (s reads) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	if s.dialect == Postgres {
		return s.chatAtOnce(ctx, viewer, id)
	}
	chat := new(db.Chat)
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		err := tx.NewSelect().Model(chat).ColumnExpr("?TableColumns").ColumnExpr(epochExpr).
			Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Where("c.id = ? AND c.deleted_at IS NULL AND own.user_id = ?", id, viewer).
			Scan(ctx)
		if err != nil {
			return notFound(err, "chat")
		}
		if err := selectMembers(tx, &chat.Members, []string{id}).Scan(ctx); err != nil {
			return err
		}
		var rows []*db.Message // newest first
		err = tx.NewSelect().Model(&rows).Where("chat_id = ?", id).OrderExpr("seq DESC").Limit(db.MessagePage + 1).Scan(ctx)
		chat.Newest, chat.LastMessage = newest(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return chat, nil
}

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
	rows, err := s.atOnce(limited, s.reader.QueryGen().FormatQuery(readChat, id, viewer, db.MessagePage+1))
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

// newest returns those of the newest messages that come with a chat. It gets them newest first.
func newest(rows []*db.Message) (*db.Newest, *db.Message) {
	if len(rows) == 0 {
		return &db.Newest{Messages: []*db.Message{}, Whole: true}, nil
	}
	last, bytes, kept := rows[0], 0, 0
	for kept < min(len(rows), db.MessagePage) {
		if bytes += len(rows[kept].Content); kept > 0 && bytes > db.NewestBytes {
			break
		}
		kept++
	}
	messages, _, _ := cut(db.Page{Limit: kept, Backward: true}, rows, outside{})
	return &db.Newest{Messages: messages, Whole: kept == len(rows)}, last
}

// ChatsByID implements db.Repository: four statements in one snapshot.
func (s reads) ChatsByID(ctx context.Context, viewer string, ids []string) (map[string]*db.Chat, error) {
	if len(ids) == 0 {
		return map[string]*db.Chat{}, nil
	}
	var chats []*db.Chat
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		err := chatsOf(tx, viewer, nil).ColumnExpr("?TableColumns").ColumnExpr(epochExpr).
			Where("c.id IN (?)", bun.List(ids)).Scan(ctx, &chats)
		if err != nil {
			return err
		}
		return fillChats(ctx, tx, chats)
	})
	return byID(chats), err
}

// fillChats reads the members and the last message of all the chats, in two statements.
func fillChats(ctx context.Context, tx bun.Tx, chats []*db.Chat) error {
	if len(chats) == 0 {
		return nil
	}
	found := byID(chats)
	ids := slices.Collect(maps.Keys(found))
	var members []*db.Member
	if err := selectMembers(tx, &members, ids).Scan(ctx); err != nil {
		return err
	}
	for _, m := range members {
		found[m.ChatID].Members = append(found[m.ChatID].Members, m)
	}
	var last []*db.Message
	err := tx.NewSelect().Model(&last).Join("JOIN chats AS c ON c.id = m.chat_id").
		Where("c.id IN (?)", bun.List(ids)).
		Where("m.seq = (SELECT MAX(x.seq) FROM messages AS x WHERE x.chat_id = c.id)").
		Scan(ctx)
	for _, m := range last {
		found[m.ChatID].LastMessage = m
	}
	return err
}

func selectMembers(tx bun.Tx, into *[]*db.Member, chatIDs []string) *bun.SelectQuery {
	return tx.NewSelect().Model(into).Where("chat_id IN (?)", bun.List(chatIDs)).OrderExpr("chat_id, joined_at, user_id")
}

func byID(chats []*db.Chat) map[string]*db.Chat {
	return byKey(chats, func(c *db.Chat) (string, *db.Chat) { return c.ID, c })
}

var chatKeys = keyset{[]bun.Ident{"c.last_message_at", "c.id"}, func(k *db.Key) []any { return []any{k.At, k.ID} }, descending}

// Chats implements db.Repository: four statements in one snapshot.
func (s reads) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	list := &db.ChatList{Chats: []*db.Chat{}, Cursor: db.FeedCursor{User: viewer, At: s.Horizon().Add(-db.FeedOverlap)}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return chatsOf(tx, viewer, module) }
		beyond, epoch, err := chatKeys.readPart(ctx, tx, page, rows, &list.Chats)
		if err != nil {
			return err
		}
		list.Chats, list.HasPrev, list.HasNext = cut(page, list.Chats, beyond)
		list.Cursor.Epoch = epoch
		for _, c := range list.Chats {
			c.Epoch = epoch
		}
		return fillChats(ctx, tx, list.Chats)
	})
	return list, err
}

// chatsOf selects the viewer's chats.
func chatsOf(tx bun.IDB, viewer string, module *string) *bun.SelectQuery {
	q := tx.NewSelect().Model((*db.Chat)(nil)).Join("JOIN chat_members AS own ON own.chat_id = c.id").
		Where("own.user_id = ? AND c.deleted_at IS NULL", viewer)
	if module != nil {
		q = q.Where("c.module_id = ?", *module)
	}
	return q
}

// CountChats implements db.Repository.
func (s reads) CountChats(ctx context.Context, viewer string, module *string) (int, error) {
	var n int
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		some := chatsOf(conn, viewer, module).ColumnExpr("1").Limit(db.MaxCount)
		return conn.NewSelect().TableExpr("(?) AS n", some).ColumnExpr("COUNT(*)").Scan(ctx, &n)
	})
	return n, err
}

// OwnedChats implements db.Repository.
func (s reads) OwnedChats(ctx context.Context, viewer, after string, limit int) ([]string, error) {
	ids := []string{}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		q := conn.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Column("c.id").
			Where("own.user_id = ? AND own.role = ? AND c.deleted_at IS NULL", viewer, db.RoleOwner).
			OrderExpr("c.id").Limit(int64(limit))
		if after != "" {
			q = q.Where("c.id > ?", after)
		}
		return q.Scan(ctx, &ids)
	})
	return ids, err
}
