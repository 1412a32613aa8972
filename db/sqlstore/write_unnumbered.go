package sqlstore

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
)

// UpdateViewerState implements db.Repository.
func (s writes) UpdateViewerState(ctx context.Context, viewer, chatID string, change db.ViewerStateChange) error {
	q := s.writer.NewUpdate().Model((*db.Member)(nil)).Set("user_id = user_id").
		Where("chat_id = ? AND user_id = ?", chatID, viewer).
		Where("EXISTS (SELECT 1 FROM chats AS c WHERE c.id = ? AND c.deleted_at IS NULL)", chatID)
	if at := change.MutedUntil; at != nil {
		q = q.Set("muted_until = ?", bun.NullTime{Time: *at})
	}
	q = s.setMark(q, "pinned_at", change.Pinned)
	q = s.setMark(q, "archived_at", change.Archived)
	rows, err := s.statement(ctx, memberKey(chatID, viewer), q)
	if err == nil && rows == 0 {
		err = db.NotFound("chat")
	}
	return err
}

// setMark sets a time to now unless it is already set, or clears it.
func (s writes) setMark(q *bun.UpdateQuery, column string, on *bool) *bun.UpdateQuery {
	switch {
	case on == nil:
		return q
	case *on:
		return q.Set("? = COALESCE(?, ?)", bun.Ident(column), bun.Ident(column), s.Now())
	default:
		return q.Set("? = NULL", bun.Ident(column))
	}
}

// MarkRead implements db.Repository. It needs no transaction: the mark only rises, and the UPDATE itself has every condition.
func (s writes) MarkRead(ctx context.Context, viewer, chatID string, seq int64) (int64, bool, error) {
	readSeq, headSeq, err := s.readMark(ctx, viewer, chatID)
	seq = min(seq, headSeq)
	if err != nil || seq <= readSeq {
		return readSeq, false, err
	}
	rows, err := s.statement(ctx, memberKey(chatID, viewer), s.writer.NewRaw(`UPDATE chat_members SET read_seq = ?0 WHERE chat_id = ?1 AND user_id = ?2 AND read_seq < ?0
AND EXISTS (SELECT 1 FROM chats AS c WHERE c.id = ?1 AND c.deleted_at IS NULL)`, seq, chatID, viewer))
	if err != nil || rows == 1 {
		return seq, rows == 1, err
	}
	readSeq, _, err = s.readMark(ctx, viewer, chatID) // another call was faster, or the viewer has left
	return readSeq, false, err
}

func (s writes) readMark(ctx context.Context, viewer, chatID string) (readSeq, headSeq int64, err error) {
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return notFound(conn.NewSelect().TableExpr("chats AS c").Join("JOIN chat_members AS cm ON cm.chat_id = c.id").
			ColumnExpr("cm.read_seq, c.head_seq").
			Where("c.id = ? AND c.deleted_at IS NULL AND cm.user_id = ?", chatID, viewer).
			Scan(ctx, &readSeq, &headSeq), "chat")
	})
	return readSeq, headSeq, err
}

// SawUser implements db.Repository. It writes only changes. It ignores a token without claims: if it stored them, the next token
// with the old claims would look like a change.
func (s writes) SawUser(ctx context.Context, id string, claims db.Claims) (*db.User, error) {
	if user, err := s.knownUser(ctx, id, claims); err != nil || user != nil {
		return user, err
	}
	name := claims.Name
	if name == "" {
		name = id
	}
	var picture *string
	if claims.AvatarURL != "" {
		picture = &claims.AvatarURL
	}
	_, err := s.statement(ctx, userKey(id), s.writer.NewRaw(`INSERT INTO users (id, name, avatar_url, claims, claims_at, updated_at) VALUES (?0, ?1, ?2, ?3, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET claims = excluded.claims, claims_at = excluded.claims_at, updated_at = excluded.updated_at,
name = CASE WHEN users.claims <> excluded.claims AND ?6 <> '' THEN excluded.name ELSE users.name END,
avatar_url = CASE WHEN users.claims <> excluded.claims AND ?7 <> '' THEN excluded.avatar_url ELSE users.avatar_url END
WHERE excluded.claims <> '' AND users.claims_at < excluded.claims_at`,
		id, name, picture, textOf(claims), claims.At, s.Now(), claims.Name, claims.AvatarURL))
	if err != nil {
		return nil, err
	}
	users, err := s.reads.Users(ctx, []string{id})
	return users[id], err
}

// knownUser returns the user if the claims change nothing.
func (s writes) knownUser(ctx context.Context, id string, claims db.Claims) (*db.User, error) {
	var rows []*db.User
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return conn.NewSelect().Model(&rows).Where("u.id = ? AND (? = '' OR u.claims_at >= ?)", id, textOf(claims), claims.At).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// UpsertUser implements db.Repository.
func (s writes) UpsertUser(ctx context.Context, user db.User) error {
	beforeAnyToken := time.Unix(0, 0).UTC()
	_, err := s.statement(ctx, userKey(user.ID), s.writer.NewRaw(`INSERT INTO users (id, name, avatar_url, claims, claims_at, updated_at) VALUES (?0, ?1, ?2, '', ?3, ?4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, avatar_url = excluded.avatar_url, updated_at = excluded.updated_at`,
		user.ID, user.Name, user.AvatarURL, beforeAnyToken, s.Now()))
	return err
}

// PutModule implements db.Repository.
func (s writes) PutModule(ctx context.Context, module db.Module) (*db.Module, error) {
	_, err := s.statement(ctx, moduleKey(module.ID), s.writer.NewRaw(`INSERT INTO modules (id, title, content, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, content = excluded.content, updated_at = excluded.updated_at
WHERE modules.title <> excluded.title OR modules.content <> excluded.content`,
		module.ID, module.Title, module.Content, s.Now()))
	if err != nil {
		return nil, err
	}
	found, err := s.reads.ModulesByID(ctx, []string{module.ID})
	if err == nil && found[module.ID] == nil {
		err = db.NotFound("module") // deleted at this moment
	}
	return found[module.ID], err
}

// DeleteModule implements db.Repository.
func (s writes) DeleteModule(ctx context.Context, id string) error {
	_, err := s.statement(ctx, moduleKey(id), s.writer.NewRaw("DELETE FROM modules WHERE id = ?", id))
	return err
}

// textOf is the claims as one text, to see whether they changed: "" when there are none.
func textOf(c db.Claims) string {
	if c.Name == "" && c.AvatarURL == "" {
		return ""
	}
	return c.Name + "\n" + c.AvatarURL
}
