package main

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"studychat/bench/data"
)

const newest = `SELECT m.id::text, m.seq, m.content, m.created_at, m.author_id, u.name FROM messages m JOIN users u ON u.id = m.author_id
WHERE m.chat_id = $1 ORDER BY m.seq DESC LIMIT 20`

// page reads the newest 20 messages of some chat, by one prepared statement, and writes them as JSON.
func page(ctx context.Context, pool *pgxpool.Pool) ([]byte, error) {
	rows, err := pool.Query(ctx, newest, data.ChatID(rand.IntN(data.ReadChats))) //nolint:gosec // which chat it is may be guessed
	if err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, 4096), `{"data":{"nodes":[`...)
	var id, content, author, name string
	var seq int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &seq, &content, &at, &author, &name}, func() error {
		if body[len(body)-1] == '}' {
			body = append(body, ',')
		}
		body = strconv.AppendQuote(append(body, `{"id":`...), id)
		body = strconv.AppendInt(append(body, `,"seq":`...), seq, 10)
		body = strconv.AppendQuote(append(body, `,"content":`...), content)
		body = at.UTC().AppendFormat(append(body, `,"createdAt":"`...), time.RFC3339Nano)
		body = strconv.AppendQuote(append(body, `","author":{"id":`...), author)
		body = append(strconv.AppendQuote(append(body, `,"name":`...), name), "}}"...)
		return nil
	})
	return append(body, "]}}"...), err
}
