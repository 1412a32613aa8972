package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// Chat implements db.Repository: three statements in one snapshot.
func (s reads) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
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
	found := make(map[string]*db.Chat, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		var chats []*db.Chat
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
	return found, err
}

// fillChats reads the members and the last message of all the chats, in two statements.
func fillChats(ctx context.Context, tx bun.Tx, chats []*db.Chat) error {
	if len(chats) == 0 {
		return nil
	}
	ids := make([]string, len(chats))
	byID := make(map[string]*db.Chat, len(chats))
	for i, c := range chats {
		ids[i], byID[c.ID] = c.ID, c
	}
	var members []*db.Member
	if err := selectMembers(tx, &members, ids).Scan(ctx); err != nil {
		return err
	}
	for _, m := range members {
		byID[m.ChatID].Members = append(byID[m.ChatID].Members, m)
	}
	var last []*db.Message
	err := tx.NewSelect().Model(&last).Join("JOIN chats AS c ON c.id = m.chat_id").
		Where("c.id IN (?)", bun.List(ids)).
		Where("m.seq = (SELECT MAX(x.seq) FROM messages AS x WHERE x.chat_id = c.id)").
		Scan(ctx)
	for _, m := range last {
		byID[m.ChatID].LastMessage = m
	}
	return err
}

func selectMembers(tx bun.Tx, into *[]*db.Member, chatIDs []string) *bun.SelectQuery {
	return tx.NewSelect().Model(into).Where("chat_id IN (?)", bun.List(chatIDs)).OrderExpr("chat_id, joined_at, user_id")
}
