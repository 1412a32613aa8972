package services

import (
	"context"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestKinds: TEST_POSTGRES changes how a test reaches PostgreSQL, or the job that it is set for would prove nothing.
func TestKinds(t *testing.T) {
	direct, err := url.Parse(Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(kindVariable, pgBouncer)
	behind, err := url.Parse(Postgres(t))
	if err != nil || behind.Host == direct.Host {
		t.Errorf("through pgbouncer: %s, %v; without it %s", behind.Host, err, direct.Host)
	}
	if err := execute(behind.String(), "CREATE TABLE a (b int)"); err != nil {
		t.Error(err)
	}

	t.Setenv(kindVariable, dataRole)
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		server = direct.String()
	}
	set, err := PrepareTemplate(t.Context(), server, func(_ context.Context, dsn string) error { return execute(dsn, "CREATE TABLE a (b int)") })
	if err != nil || !slices.Equal(set, []string{templateVariable + "=test_template"}) {
		t.Fatalf("%v, %v", set, err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE test_template"); err != nil {
			t.Error(err)
		}
	})
	t.Setenv(templateVariable, "test_template")
	limited := Postgres(t)
	if err := execute(limited, "INSERT INTO a VALUES (1)"); err != nil {
		t.Error(err)
	}
	if err := execute(limited, "CREATE TABLE b (c int)"); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a role for rows alone made a table: %v", err)
	}
}

// TestSecurePostgres: a secure server has no connection without TLS.
func TestSecurePostgres(t *testing.T) {
	t.Parallel()
	dsn := NewSecurePostgres(t).DSN()
	if err := execute(dsn, "SELECT 1"); err != nil {
		t.Error(err)
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.TLSConfig, config.Fallbacks = nil, nil
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		_ = conn.Close(t.Context())
		t.Error("connected without TLS")
	}
}
