package services

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestPoolerSharesConnections: more clients than connections, as long as no more are in a transaction.
func TestPoolerSharesConnections(t *testing.T) {
	t.Parallel()
	dsn := Pooler(t, Postgres(t), 1)
	first, second := pooled(t, dsn), pooled(t, dsn)
	run(t, first, "BEGIN")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	third := pooled(t, dsn)
	if _, err := third.Exec(ctx, "SELECT 1"); err == nil {
		t.Error("a second connection to the server was there")
	}
	run(t, first, "COMMIT")
	run(t, second, "SELECT 1")
}

func pooled(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}
