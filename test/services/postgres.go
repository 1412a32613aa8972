package services

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// oneStatement bounds CREATE DATABASE and DROP DATABASE, which wait for a checkpoint on a busy machine.
const oneStatement = 60 * time.Second

// shared is the cluster of this process. It is started by the first test that needs it and never closed: it goes away
// with the process. (The variable also keeps it from the garbage collector, see child.)
var shared = sync.OnceValues(func() (*Cluster, error) { return StartShared(context.Background()) })

// Postgres gives the test a new, empty database of its own and returns its DSN (postgres://...), whose user may do
// anything. It is dropped when the test ends, connections or not. TEST_POSTGRES changes how the test reaches it: see kindVariable.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TEST_DATABASE_URL")
	if server == "" {
		cluster, err := shared()
		if errors.Is(err, errNoPostgres) {
			Missing(t, fmt.Errorf("%w, and TEST_DATABASE_URL is not set", err))
		}
		if err != nil {
			t.Fatal(err)
		}
		server = cluster.DSN()
	}
	name := "test_" + strings.ToLower(rand.Text())
	dsn, err := withDatabase(server, name)
	if err != nil {
		t.Fatal(err)
	}
	database := pgx.Identifier{name}.Sanitize()
	// template0, because CREATE DATABASE fails while a client is connected to its template, and none can connect to this one.
	if err := execute(server, "CREATE DATABASE "+database+" TEMPLATE "+cmp.Or(os.Getenv(templateVariable), "template0")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(server, "DROP DATABASE "+database+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	switch os.Getenv(kindVariable) {
	case pgBouncer:
		return Pooler(t, dsn, poolOfTest)
	case dataRole:
		return DataRole(t, dsn)
	}
	return dsn
}

// withDatabase returns dsn with another database.
func withDatabase(dsn, name string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		// The URL is not quoted: it may hold a password.
		return "", errors.New("TEST_DATABASE_URL is not a postgres:// URL")
	}
	u.Path = "/" + name
	return u.String(), nil
}

func execute(dsn, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), oneStatement)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connect for %q: %w", statement, err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
