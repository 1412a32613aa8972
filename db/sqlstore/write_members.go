package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"studychat/db"
)

// AddMember implements db.Repository.
func (s writes) AddMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return s.addMember(ctx, viewer, chatID, user, false)
}

// AddKnownMember implements db.Repository.
func (s writes) AddKnownMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return s.addMember(ctx, viewer, chatID, user, true)
}

func (s writes) addMember(ctx context.Context, viewer, chatID, user string, mustBeStored bool) (*db.Event, error) {
	return s.inChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx, e *lockedChat) (*db.Event, error) {
		if e.role != db.RoleOwner {
			return nil, db.Forbidden(notOwner)
		}
		event := e.event(db.MemberAdded)
		var err error
		event.Member, err = findMember(ctx, tx, chatID, user)
		if err != nil {
			return nil, err
		}
		if event.Member != nil {
			return e.noop(event), nil
		}
		if mustBeStored {
			if err := mustFind(ctx, tx.NewSelect().TableExpr("users").Where("id = ?", user), "user"); err != nil {
				return nil, err
			}
		}
		event.Member = &db.Member{ChatID: chatID, UserID: user, Role: db.RoleMember, JoinedAt: event.At, JoinedSeq: event.Seq}
		return event, insertMember(ctx, tx, event.Member)
	})
}

func insertMember(ctx context.Context, tx bun.Tx, member *db.Member) error {
	n, err := tx.NewSelect().Model((*db.Member)(nil)).Where("chat_id = ?", member.ChatID).Count(ctx)
	if err != nil {
		return err
	}
	if n >= db.MaxMembers {
		return db.Conflict("The chat has as many members as it may have.")
	}
	_, err = tx.NewInsert().Model(member).Exec(ctx)
	return err
}

// findMember returns nil when user is not a member.
func findMember(ctx context.Context, tx bun.Tx, chatID, user string) (*db.Member, error) {
	member := new(db.Member)
	err := tx.NewSelect().Model(member).Where("chat_id = ? AND user_id = ?", chatID, user).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return member, err
}

// RemoveMember implements db.Repository.
func (s writes) RemoveMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return s.inChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx, e *lockedChat) (*db.Event, error) {
		switch {
		case e.role != db.RoleOwner:
			return nil, db.Forbidden(notOwner)
		case user == viewer:
			return nil, db.Forbidden("The owner stays in the chat.")
		}
		return takeOut(ctx, tx, e, user)
	})
}

// LeaveChat implements db.Repository.
func (s writes) LeaveChat(ctx context.Context, viewer, chatID string) (*db.Event, error) {
	return s.inChat(ctx, viewer, chatID, "chat", func(ctx context.Context, tx bun.Tx, e *lockedChat) (*db.Event, error) {
		if e.role == db.RoleOwner {
			return nil, db.Forbidden("The owner stays in the chat.")
		}
		return takeOut(ctx, tx, e, viewer)
	})
}

func takeOut(ctx context.Context, tx bun.Tx, e *lockedChat, user string) (*db.Event, error) {
	event := e.event(db.MemberRemoved)
	event.Member = &db.Member{ChatID: e.chat.ID, UserID: user}
	n, err := affected(tx.NewDelete().Model(event.Member).WherePK().Exec(ctx))
	if err == nil && n == 0 {
		return e.noop(event), nil
	}
	return event, err
}
