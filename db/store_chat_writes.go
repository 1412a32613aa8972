package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

const notOwner = "Only the owner of the chat may do this."

// CreateChat implements ChatRepository. There is no row to lock yet: the id, which is reserved, keeps two calls apart.
func (s *Store) CreateChat(ctx context.Context, viewer string, chat NewChat) (*Event, error) {
	return s.write(ctx, chatLane(chat.ID), nil, func(ctx context.Context, tx bun.Tx) (change, error) {
		if err := s.reserveID(ctx, tx, chat.ID); err != nil {
			return change{}, err
		}
		row := &Chat{ID: chat.ID, Title: chat.Title, ModuleID: chat.ModuleID, CreatedBy: viewer, HeadSeq: 1}
		insert := tx.NewInsert().Model(row).On("CONFLICT (id) DO NOTHING").Returning("created_at, " + epochExpr)
		at := s.stamp()
		for _, column := range []string{"created_at", "last_at", "last_message_at"} {
			insert = insert.Value(column, "?", at)
		}
		err := insert.Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return repeatCreate(ctx, tx, viewer, chat)
		}
		if err != nil {
			return change{}, err
		}
		if err := checkNewChat(ctx, tx, chat); err != nil {
			return change{}, err
		}
		owner := &Member{ChatID: chat.ID, UserID: viewer, Role: RoleOwner, JoinedAt: row.CreatedAt, JoinedSeq: 1}
		if _, err := tx.NewInsert().Model(owner).Exec(ctx); err != nil {
			return change{}, err
		}
		event := &Event{
			ChatID: chat.ID, Seq: 1, Epoch: row.Epoch, Kind: ChatCreated, Actor: viewer, At: row.CreatedAt, Title: chat.Title,
		}
		return change{event: event, members: []string{viewer}}, storeEvent(ctx, tx, event)
	})
}

// checkNewChat refuses a chat with the id of a message, or of a module that does not exist.
func checkNewChat(ctx context.Context, tx bun.Tx, chat NewChat) error {
	var found struct{ Message, Module bool }
	err := tx.NewSelect().
		ColumnExpr("EXISTS (SELECT 1 FROM messages AS m WHERE m.id = ?) AS message", chat.ID).
		ColumnExpr("EXISTS (SELECT 1 FROM modules AS mo WHERE mo.id = ?) AS module", chat.ModuleID).
		Scan(ctx, &found)
	switch {
	case err != nil:
		return err
	case found.Message:
		return Conflict("The id is taken by a message.")
	case chat.ModuleID != nil && !found.Module:
		return NotFound("module")
	}
	return nil
}

// repeatCreate judges a CreateChat whose id is taken by the event that the first call left: the chat's title may be
// another one by now. A deleted chat has no such event.
func repeatCreate(ctx context.Context, tx bun.Tx, viewer string, chat NewChat) (change, error) {
	taken := Conflict("The id is taken by another chat.")
	var first struct {
		ModuleID *string
		Epoch    int64
		eventRow
	}
	err := tx.NewSelect().TableExpr("chat_events AS e").Join("JOIN chats AS c ON c.id = e.chat_id").
		ColumnExpr("e.*, c.module_id").ColumnExpr(epochExpr).
		Where("e.chat_id = ? AND e.seq = 1 AND e.kind = ? AND e.actor_id = ?", chat.ID, ChatCreated, viewer).
		Scan(ctx, &first)
	if errors.Is(err, sql.ErrNoRows) {
		return repeatPrunedCreate(ctx, tx, viewer, chat, taken)
	}
	if err != nil {
		return change{}, err
	}
	event, _, err := first.event(first.Epoch)
	if err != nil {
		return change{}, err
	}
	if event.Title != chat.Title || !equal(first.ModuleID, chat.ModuleID) {
		return change{}, taken
	}
	event.Repeated = true
	return change{event: event}, nil
}

// repeatPrunedCreate judges by the chat itself when its first event is not kept any more. Which title it began with
// nobody knows then, and a retry is likelier than two uses of one id.
func repeatPrunedCreate(ctx context.Context, tx bun.Tx, viewer string, chat NewChat, taken error) (change, error) {
	row := new(Chat)
	err := tx.NewSelect().Model(row).ColumnExpr("?TableColumns").ColumnExpr(epochExpr).
		Where("id = ? AND created_by = ? AND deleted_at IS NULL AND floor_seq > 0", chat.ID, viewer).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) || err == nil && !equal(row.ModuleID, chat.ModuleID) {
		return change{}, taken
	}
	return change{event: &Event{
		ChatID: chat.ID, Seq: 1, Epoch: row.Epoch, Kind: ChatCreated, Actor: viewer, At: row.CreatedAt, Title: chat.Title,
		Repeated: true,
	}}, err
}

// RenameChat implements ChatRepository.
func (s *Store) RenameChat(ctx context.Context, viewer, id, title string) (*Event, error) {
	return s.writeChat(ctx, viewer, id, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, id, "chat")
		if err != nil {
			return change{}, err
		}
		event := e.event(ChatRenamed)
		event.Title = title
		switch {
		case e.role != RoleOwner:
			return change{}, Forbidden(notOwner)
		case e.chat.Title == title:
			return e.repeat(event), nil
		}
		if _, err := tx.NewRaw("UPDATE chats SET title = ? WHERE id = ?", title, id).Exec(ctx); err != nil {
			return change{}, err
		}
		return e.change(event), storeEvent(ctx, tx, event)
	})
}

// TransferChat implements ChatRepository.
func (s *Store) TransferChat(ctx context.Context, viewer, id, user string) (*Event, error) {
	return s.writeChat(ctx, viewer, id, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, id, "chat")
		if err != nil {
			return change{}, err
		}
		event := e.event(ChatTransferred)
		event.Member, err = findMember(ctx, tx, id, user)
		switch {
		case err != nil:
			return change{}, err
		case event.Member != nil && event.Member.Role == RoleOwner:
			return e.repeat(event), nil
		case e.role != RoleOwner:
			return change{}, Forbidden(notOwner)
		case event.Member == nil:
			return change{}, Conflict("The new owner must be a member of the chat.")
		}
		event.Member.Role = RoleOwner
		_, err = tx.NewRaw("UPDATE chat_members SET role = CASE WHEN user_id = ? THEN ? ELSE ? END WHERE chat_id = ? AND user_id IN (?, ?)",
			user, RoleOwner, RoleMember, id, user, viewer).Exec(ctx)
		if err != nil {
			return change{}, err
		}
		return e.change(event), storeEvent(ctx, tx, event)
	})
}

// UpdateViewerState implements ChatRepository.
func (s *Store) UpdateViewerState(ctx context.Context, viewer, chatID string, change ViewerStateChange) error {
	rows, err := s.statement(ctx, memberLane(chatID, viewer), func(ctx context.Context) (sql.Result, error) {
		q := s.writer.NewUpdate().Model((*Member)(nil)).Set("user_id = user_id")
		if at := change.MutedUntil; at != nil {
			q = q.Set("muted_until = ?", bun.NullTime{Time: *at})
		}
		q = s.setMark(q, "pinned_at", change.Pinned)
		q = s.setMark(q, "archived_at", change.Archived)
		return q.Where("chat_id = ? AND user_id = ?", chatID, viewer).
			Where("EXISTS (SELECT 1 FROM chats AS c WHERE c.id = ? AND c.deleted_at IS NULL)", chatID).Exec(ctx)
	})
	if err == nil && rows == 0 {
		err = NotFound("chat")
	}
	return err
}

// setMark sets a time to now, unless it is set, or takes it away.
func (s *Store) setMark(q *bun.UpdateQuery, column string, on *bool) *bun.UpdateQuery {
	switch {
	case on == nil:
		return q
	case *on:
		return q.Set("? = COALESCE(?, ?)", bun.Ident(column), bun.Ident(column), s.Now())
	default:
		return q.Set("? = NULL", bun.Ident(column))
	}
}

// DeleteChat implements ChatRepository.
func (s *Store) DeleteChat(ctx context.Context, viewer, id string) (*Event, error) {
	return s.writeChat(ctx, viewer, id, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, id, "chat")
		if CodeOf(err) == CodeNotFound {
			return repeatDelete(ctx, tx, viewer, id)
		}
		if err != nil {
			return change{}, err
		}
		if e.role != RoleOwner {
			return change{}, Forbidden(notOwner)
		}
		event := e.event(ChatDeleted)
		if err := bury(ctx, tx, event); err != nil {
			return change{}, err
		}
		return e.change(event), storeEvent(ctx, tx, event)
	})
}

// bury leaves a tombstone: the row without its title, the members, the removals of members (no text in those), and
// soon the ChatDeleted event. All text goes in this transaction, however much it is: a chat whose text went bit by bit
// would be neither there nor gone. (100,000 messages took 60 ms in PostgreSQL and one second in SQLite.)
func bury(ctx context.Context, tx bun.Tx, event *Event) error {
	for _, q := range []*bun.RawQuery{
		tx.NewRaw("DELETE FROM messages WHERE chat_id = ?", event.ChatID),
		tx.NewRaw("DELETE FROM chat_events WHERE chat_id = ? AND kind <> ?", event.ChatID, MemberRemoved),
		tx.NewRaw("UPDATE chats SET title = '', deleted_at = last_at, floor_seq = head_seq - 1 WHERE id = ?", event.ChatID),
	} {
		if _, err := q.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// repeatDelete answers the owner of a chat that is deleted already.
func repeatDelete(ctx context.Context, tx bun.Tx, viewer, id string) (change, error) {
	event := &Event{ChatID: id, Kind: ChatDeleted, Actor: viewer, Repeated: true}
	err := tx.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS cm ON cm.chat_id = c.id").
		ColumnExpr("c.head_seq, c.deleted_at").ColumnExpr(epochExpr).
		Where("c.id = ? AND c.deleted_at IS NOT NULL AND cm.user_id = ? AND cm.role = ?", id, viewer, RoleOwner).
		Scan(ctx, &event.Seq, &event.At, &event.Epoch)
	return change{event: event}, notFound(err)
}

func equal(a, b *string) bool { return a == b || a != nil && b != nil && *a == *b }
