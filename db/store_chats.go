package db

import (
	"context"

	"github.com/uptrace/bun"
)

// Chats implements ChatRepository: four statements in one snapshot.
func (s *Store) Chats(ctx context.Context, viewer string, module *string, page Page) (*ChatList, error) {
	list := &ChatList{Chats: []*Chat{}, Cursor: FeedCursor{User: viewer, At: s.Horizon().Add(-FeedOverlap)}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return chatsOf(tx, viewer, module) }
		var meta struct {
			Epoch int64
			outside
		}
		q := tx.NewSelect().TableExpr("stream_meta").Column("epoch")
		if err := selectOutside(q, page, rows, chatsUpTo, chatsFrom).Scan(ctx, &meta); err != nil {
			return err
		}
		if err := chatWindow(rows(), page).Scan(ctx, &list.Chats); err != nil {
			return err
		}
		list.Chats, list.HasPrev, list.HasNext = cut(page, list.Chats, meta.outside)
		list.Cursor.Epoch = meta.Epoch
		for _, c := range list.Chats {
			c.Epoch = meta.Epoch
		}
		return fillChats(ctx, tx, list.Chats)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// chatsOf selects the viewer's chats.
func chatsOf(tx bun.IDB, viewer string, module *string) *bun.SelectQuery {
	q := tx.NewSelect().Model((*Chat)(nil)).Join("JOIN chat_members AS own ON own.chat_id = c.id").
		Where("own.user_id = ? AND c.deleted_at IS NULL", viewer)
	if module != nil {
		q = q.Where("c.module_id = ?", *module)
	}
	return q
}

// The list is descending, so what is up to a key has greater values.
func chatsUpTo(q *bun.SelectQuery, k *Key) *bun.SelectQuery {
	return q.ColumnExpr("1").Where("(c.last_message_at, c.id) >= (?, ?)", k.At, k.ID)
}

func chatsFrom(q *bun.SelectQuery, k *Key) *bun.SelectQuery {
	return q.ColumnExpr("1").Where("(c.last_message_at, c.id) <= (?, ?)", k.At, k.ID)
}

func chatWindow(q *bun.SelectQuery, p Page) *bun.SelectQuery {
	if p.After != nil {
		q = q.Where("(c.last_message_at, c.id) < (?, ?)", p.After.At, p.After.ID)
	}
	if p.Before != nil {
		q = q.Where("(c.last_message_at, c.id) > (?, ?)", p.Before.At, p.Before.ID)
	}
	if p.Backward {
		return q.OrderExpr("c.last_message_at, c.id").Limit(p.limit())
	}
	return q.OrderExpr("c.last_message_at DESC, c.id DESC").Limit(p.limit())
}

// fillChats reads the members and the last message of all the chats, in two statements.
func fillChats(ctx context.Context, tx bun.Tx, chats []*Chat) error {
	if len(chats) == 0 {
		return nil
	}
	ids := make([]string, len(chats))
	byID := make(map[string]*Chat, len(chats))
	for i, c := range chats {
		ids[i], byID[c.ID] = c.ID, c
	}
	var members []*Member
	if err := selectMembers(tx, &members, ids).Scan(ctx); err != nil {
		return err
	}
	for _, m := range members {
		byID[m.ChatID].Members = append(byID[m.ChatID].Members, m)
	}
	var last []*Message
	err := tx.NewSelect().Model(&last).Join("JOIN chats AS c ON c.id = m.chat_id").
		Where("c.id IN (?)", bun.List(ids)).
		Where("m.seq = (SELECT MAX(x.seq) FROM messages AS x WHERE x.chat_id = c.id)").
		Scan(ctx)
	for _, m := range last {
		byID[m.ChatID].LastMessage = m
	}
	return err
}

func selectMembers(tx bun.Tx, into *[]*Member, chatIDs []string) *bun.SelectQuery {
	return tx.NewSelect().Model(into).Where("chat_id IN (?)", bun.List(chatIDs)).OrderExpr("chat_id, joined_at, user_id")
}

// Chat implements ChatRepository: three statements in one snapshot.
func (s *Store) Chat(ctx context.Context, viewer, id string) (*Chat, error) {
	chat := new(Chat)
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		err := tx.NewSelect().Model(chat).ColumnExpr("?TableColumns").ColumnExpr(epochExpr).
			Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Where("c.id = ? AND c.deleted_at IS NULL AND own.user_id = ?", id, viewer).
			Scan(ctx)
		if err != nil {
			return notFound(err)
		}
		if err := selectMembers(tx, &chat.Members, []string{id}).Scan(ctx); err != nil {
			return err
		}
		var rows []*Message // newest first
		err = tx.NewSelect().Model(&rows).Where("chat_id = ?", id).OrderExpr("seq DESC").Limit(MessagePage + 1).Scan(ctx)
		chat.Newest, chat.LastMessage = newest(rows)
		return err
	})
	if err != nil {
		return nil, err
	}
	return chat, nil
}

// newest keeps what may come with a chat of its newest messages, which it gets newest first.
func newest(rows []*Message) (*Newest, *Message) {
	if len(rows) == 0 {
		return &Newest{Messages: []*Message{}, Whole: true}, nil
	}
	last, bytes, kept := rows[0], 0, 0
	for kept < min(len(rows), MessagePage) {
		if bytes += len(rows[kept].Content); kept > 0 && bytes > NewestBytes {
			break
		}
		kept++
	}
	messages, _, _ := cut(Page{Limit: kept, Backward: true}, rows, outside{})
	return &Newest{Messages: messages, Whole: kept == len(rows)}, last
}

// ChatsByID implements ChatRepository: four statements in one snapshot.
func (s *Store) ChatsByID(ctx context.Context, viewer string, ids []string) (map[string]*Chat, error) {
	found := make(map[string]*Chat, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		var chats []*Chat
		err := chatsOf(tx, viewer, nil).ColumnExpr("?TableColumns").ColumnExpr(epochExpr).
			Where("c.id IN (?)", bun.List(ids)).Scan(ctx, &chats)
		if err != nil {
			return err
		}
		for _, chat := range chats {
			found[chat.ID] = chat
		}
		return fillChats(ctx, tx, chats)
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// CountChats implements ChatRepository.
func (s *Store) CountChats(ctx context.Context, viewer string, module *string) (int, error) {
	var n int
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		some := chatsOf(db, viewer, module).ColumnExpr("1").Limit(MaxCount)
		return db.NewSelect().TableExpr("(?) AS n", some).ColumnExpr("COUNT(*)").Scan(ctx, &n)
	})
	return n, err
}

// ViewerStates implements ChatRepository, in one statement. It looks at no more than UnreadWindow messages of a chat.
func (s *Store) ViewerStates(ctx context.Context, viewer string, chatIDs []string) (map[string]ViewerState, error) {
	states := make(map[string]ViewerState, len(chatIDs))
	if len(chatIDs) == 0 {
		return states, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		newest := db.NewSelect().TableExpr("messages AS m").ColumnExpr("m.author_id, m.deleted_at").
			Where("m.chat_id = own.chat_id AND m.seq > own.read_seq").OrderExpr("m.seq DESC").Limit(UnreadWindow)
		unread := db.NewSelect().TableExpr("(?) AS n", newest).ColumnExpr("COUNT(*)").
			Where("n.author_id <> own.user_id AND n.deleted_at IS NULL")
		var rows []ViewerState
		err := db.NewSelect().TableExpr("chat_members AS own").Join("JOIN chats AS c ON c.id = own.chat_id").
			ColumnExpr("own.chat_id, own.user_id, own.role, own.read_seq, own.muted_until, own.pinned_at, own.archived_at").ColumnExpr("(?) AS unread_count", unread).
			Where("own.user_id = ? AND c.deleted_at IS NULL AND own.chat_id IN (?)", viewer, bun.List(chatIDs)).
			Scan(ctx, &rows)
		for _, r := range rows {
			states[r.ChatID] = r
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return states, nil
}

// OwnedChats implements ChatRepository.
func (s *Store) OwnedChats(ctx context.Context, viewer, after string, limit int) ([]string, error) {
	ids := []string{}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		q := db.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS own ON own.chat_id = c.id").
			Column("c.id").
			Where("own.user_id = ? AND own.role = ? AND c.deleted_at IS NULL", viewer, RoleOwner).
			OrderExpr("c.id").Limit(int64(limit))
		if after != "" {
			q = q.Where("c.id > ?", after)
		}
		return q.Scan(ctx, &ids)
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}
