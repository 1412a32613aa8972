package sqlstore

import (
	"context"
	"maps"
	"slices"

	"github.com/uptrace/bun"

	"studychat/db"
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
