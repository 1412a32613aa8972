package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"studychat/bench/data"
	"studychat/db"
	"studychat/db/sqlstore"
)

func openStore(ctx context.Context, o options) (*sqlstore.Store, error) {
	quiet := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return sqlstore.Open(ctx, o.dsn, sqlstore.OpenOptions{MaxConns: o.conns, Log: quiet})
}

func throughStore(store *sqlstore.Store) send {
	return func(ctx context.Context, owner string, chat int) error {
		_, err := store.SendMessage(ctx, owner, db.NewMessage{ID: db.NewID(), ChatID: data.ChatID(chat), Role: db.RoleUser, Content: data.Text})
		return err
	}
}

func open(ctx context.Context, dsn string, conns int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(conns) //nolint:gosec // at most a few hundred
	config.MinConns = config.MaxConns
	return pgxpool.NewWithConfig(ctx, config)
}

// throughPool is the least that a correct server does without batches: the next number of the chat under its row lock, the message, a
// commit. It checks neither members nor ids.
func throughPool(pool *pgxpool.Pool) send {
	return func(ctx context.Context, owner string, chat int) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			var seq int64
			err := tx.QueryRow(ctx, `UPDATE chats SET head_seq = head_seq + 1, last_at = now(), last_message_at = now() WHERE id = $1 RETURNING head_seq`, data.ChatID(chat)).Scan(&seq)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, `INSERT INTO messages (id, chat_id, seq, author_id, role, content, created_at) VALUES ($1, $2, $3, $4, 'USER', $5, now())`,
				db.NewID(), data.ChatID(chat), seq, owner, data.Text)
			return err
		})
	}
}
