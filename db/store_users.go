package db

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// Users implements UserRepository.
func (s *Store) Users(ctx context.Context, ids []string) (map[string]*User, error) {
	users := make(map[string]*User, len(ids))
	if len(ids) == 0 {
		return users, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var rows []*User
		err := db.NewSelect().Model(&rows).Where("u.id IN (?)", bun.List(ids)).Scan(ctx)
		for _, u := range rows {
			users[u.ID] = u
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return users, nil
}

// SawUser implements UserRepository. It writes only what is new. A token that says nothing of its user is no news: else the
// next one that does would seem to say something else than before.
func (s *Store) SawUser(ctx context.Context, id string, claims Claims) (*User, error) {
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
	err := s.change(ctx, userLane(id), `INSERT INTO users (id, name, avatar_url, claims, claims_at, updated_at) VALUES (?0, ?1, ?2, ?3, ?4, ?5)
ON CONFLICT (id) DO UPDATE SET claims = excluded.claims, claims_at = excluded.claims_at, updated_at = excluded.updated_at,
name = CASE WHEN users.claims <> excluded.claims AND ?6 <> '' THEN excluded.name ELSE users.name END,
avatar_url = CASE WHEN users.claims <> excluded.claims AND ?7 <> '' THEN excluded.avatar_url ELSE users.avatar_url END
WHERE excluded.claims <> '' AND users.claims_at < excluded.claims_at`,
		id, name, picture, claims.text(), claims.At, s.Now(), claims.Name, claims.AvatarURL)
	if err != nil {
		return nil, err
	}
	users, err := s.Users(ctx, []string{id})
	return users[id], err
}

// knownUser returns the user if these claims change nothing.
func (s *Store) knownUser(ctx context.Context, id string, claims Claims) (*User, error) {
	var rows []*User
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		return db.NewSelect().Model(&rows).Where("u.id = ? AND (? = '' OR u.claims_at >= ?)", id, claims.text(), claims.At).Scan(ctx)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

// UpsertUser implements UserRepository.
func (s *Store) UpsertUser(ctx context.Context, user User) error {
	at := s.Now()
	return s.change(ctx, userLane(user.ID), `INSERT INTO users (id, name, avatar_url, claims, claims_at, updated_at) VALUES (?0, ?1, ?2, '', ?3, ?4)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, avatar_url = excluded.avatar_url, updated_at = excluded.updated_at`,
		user.ID, user.Name, user.AvatarURL, neverClaimed, at)
}

// SharedUsers implements UserRepository.
func (s *Store) SharedUsers(ctx context.Context, viewer string, ids []string) (map[string]bool, error) {
	shared := make(map[string]bool, len(ids))
	if len(ids) == 0 {
		return shared, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var users []string
		err := db.NewSelect().Distinct().TableExpr("chat_members AS other").Column("other.user_id").
			Join("JOIN chat_members AS own ON own.chat_id = other.chat_id").Join("JOIN chats AS c ON c.id = own.chat_id").
			Where("own.user_id = ? AND other.user_id IN (?) AND c.deleted_at IS NULL", viewer, bun.List(ids)).
			Scan(ctx, &users)
		for _, user := range users {
			shared[user] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		shared[id] = shared[id] || id == viewer
	}
	return shared, nil
}

// change runs one statement that writes and touches no chat: no lock, no number, no guard.
func (s *Store) change(ctx context.Context, in lane, statement string, args ...any) error {
	_, err := s.statement(ctx, in, func(ctx context.Context) (sql.Result, error) {
		return s.writer.NewRaw(statement, args...).Exec(ctx)
	})
	return err
}
