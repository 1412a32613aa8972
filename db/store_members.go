package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// AddMember implements MemberRepository.
func (s *Store) AddMember(ctx context.Context, viewer, chatID, user string) (*Event, error) {
	anybody := func(context.Context, bun.Tx, string) error { return nil }
	return s.addMember(ctx, viewer, chatID, user, anybody)
}

// AddKnownMember implements MemberRepository.
func (s *Store) AddKnownMember(ctx context.Context, viewer, chatID, user string) (*Event, error) {
	return s.addMember(ctx, viewer, chatID, user, checkUser)
}

func (s *Store) addMember(ctx context.Context, viewer, chatID, user string, check func(context.Context, bun.Tx, string) error) (*Event, error) {
	return s.writeChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, chatID, "chat")
		if err != nil {
			return change{}, err
		}
		if e.role != RoleOwner {
			return change{}, Forbidden(notOwner)
		}
		event := e.event(MemberAdded)
		event.Member, err = findMember(ctx, tx, chatID, user)
		if err != nil {
			return change{}, err
		}
		if event.Member != nil {
			return e.repeat(event), nil
		}
		if err := check(ctx, tx, user); err != nil {
			return change{}, err
		}
		event.Member = &Member{ChatID: chatID, UserID: user, Role: RoleMember, JoinedAt: event.At, JoinedSeq: event.Seq}
		if err := insertMember(ctx, tx, event.Member); err != nil {
			return change{}, err
		}
		return e.change(event), storeEvent(ctx, tx, event)
	})
}

// checkMember refuses viewers who are not members of a chat: NOT_FOUND of what. Whether the chat is deleted does not matter.
func (s *Store) checkMember(ctx context.Context, viewer, chatID, what string) error {
	return s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var one int
		err := db.NewSelect().TableExpr("chat_members").ColumnExpr("1").Where("chat_id = ? AND user_id = ?", chatID, viewer).Scan(ctx, &one)
		if errors.Is(err, sql.ErrNoRows) {
			return NotFound(what)
		}
		return err
	})
}

// checkUser refuses a user who was never heard of.
func checkUser(ctx context.Context, tx bun.Tx, user string) error {
	var one int
	err := tx.NewSelect().TableExpr("users").ColumnExpr("1").Where("id = ?", user).Scan(ctx, &one)
	if errors.Is(err, sql.ErrNoRows) {
		return NotFound("user")
	}
	return err
}

func insertMember(ctx context.Context, tx bun.Tx, member *Member) error {
	n, err := tx.NewSelect().Model((*Member)(nil)).Where("chat_id = ?", member.ChatID).Count(ctx)
	if err != nil {
		return err
	}
	if n >= MaxMembers {
		return Conflict("The chat has as many members as it may have.")
	}
	_, err = tx.NewInsert().Model(member).Exec(ctx)
	return err
}

// findMember returns nil for who is no member.
func findMember(ctx context.Context, tx bun.Tx, chatID, user string) (*Member, error) {
	member := new(Member)
	err := tx.NewSelect().Model(member).Where("chat_id = ? AND user_id = ?", chatID, user).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return member, err
}

// RemoveMember implements MemberRepository.
func (s *Store) RemoveMember(ctx context.Context, viewer, chatID, user string) (*Event, error) {
	return s.writeChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, chatID, "chat")
		switch {
		case err != nil:
			return change{}, err
		case e.role != RoleOwner:
			return change{}, Forbidden(notOwner)
		case user == viewer:
			return change{}, Forbidden("The owner stays in the chat.")
		}
		return takeOut(ctx, tx, e, user)
	})
}

// LeaveChat implements MemberRepository.
func (s *Store) LeaveChat(ctx context.Context, viewer, chatID string) (*Event, error) {
	return s.writeChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.enter(ctx, tx, viewer, chatID, "chat")
		switch {
		case err != nil:
			return change{}, err
		case e.role == RoleOwner:
			return change{}, Forbidden("The owner stays in the chat.")
		}
		return takeOut(ctx, tx, e, viewer)
	})
}

func takeOut(ctx context.Context, tx bun.Tx, e *entry, user string) (change, error) {
	event := e.event(MemberRemoved)
	event.Member = &Member{ChatID: e.chat.ID, UserID: user}
	result, err := tx.NewDelete().Model(event.Member).WherePK().Exec(ctx)
	if err != nil {
		return change{}, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return change{}, err
	}
	if n == 0 {
		return e.repeat(event), nil
	}
	return e.change(event), storeEvent(ctx, tx, event)
}

// ReadMarks implements MemberRepository.
func (s *Store) ReadMarks(ctx context.Context, viewer string, chatIDs []string) (map[string]map[string]int64, error) {
	marks := make(map[string]map[string]int64, len(chatIDs))
	if len(chatIDs) == 0 {
		return marks, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var rows []*Member
		err := db.NewSelect().Model(&rows).Column("cm.chat_id", "cm.user_id", "cm.read_seq").
			Join("JOIN chats AS c ON c.id = cm.chat_id").Join("JOIN chat_members AS own ON own.chat_id = cm.chat_id").
			Where("cm.chat_id IN (?) AND c.deleted_at IS NULL AND own.user_id = ?", bun.List(chatIDs), viewer).Scan(ctx)
		for _, m := range rows {
			if marks[m.ChatID] == nil {
				marks[m.ChatID] = map[string]int64{}
			}
			marks[m.ChatID][m.UserID] = m.ReadSeq
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return marks, nil
}

// MarkRead implements MemberRepository. It needs no transaction: the mark only rises, and every condition is in the
// UPDATE itself.
func (s *Store) MarkRead(ctx context.Context, viewer, chatID string, seq int64) (int64, bool, error) {
	readSeq, headSeq, err := s.readMark(ctx, viewer, chatID)
	seq = min(seq, headSeq)
	if err != nil || seq <= readSeq {
		return readSeq, false, err
	}
	rows, err := s.statement(ctx, memberLane(chatID, viewer), func(ctx context.Context) (sql.Result, error) {
		return s.writer.NewRaw(`UPDATE chat_members SET read_seq = ?0 WHERE chat_id = ?1 AND user_id = ?2 AND read_seq < ?0
AND EXISTS (SELECT 1 FROM chats AS c WHERE c.id = ?1 AND c.deleted_at IS NULL)`, seq, chatID, viewer).Exec(ctx)
	})
	if err != nil || rows == 1 {
		return seq, rows == 1, err
	}
	readSeq, _, err = s.readMark(ctx, viewer, chatID) // another call was faster, or the viewer is out
	return readSeq, false, err
}

func (s *Store) readMark(ctx context.Context, viewer, chatID string) (readSeq, headSeq int64, err error) {
	err = s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return notFound(db.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS cm ON cm.chat_id = c.id").
			ColumnExpr("cm.read_seq, c.head_seq").
			Where("c.id = ? AND c.deleted_at IS NULL AND cm.user_id = ?", chatID, viewer).
			Scan(ctx, &readSeq, &headSeq))
	})
	return readSeq, headSeq, err
}
