package app

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/test/services"
)

// TestOverloadedDatabase: when a lock holds all connections of an instance, new operations are refused at once, instead of waiting to fail
// after five seconds. Its streams go on, and so does the instance when the lock is gone.
func TestOverloadedDatabase(t *testing.T) {
	t.Parallel()
	database, bus := services.Postgres(t), "REDIS_URL="+services.Redis(t)
	i, other := start(t, "DATABASE_URL="+database, bus, "DATABASE_CONNS=2"), start(t, "DATABASE_URL="+database, bus)
	chat, cursor := other.newChat()
	stream := i.follow(chat, cursor)
	other.message(chat, "before")
	stream.wantMessage(2, "before")

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, statement := range []string{"BEGIN", "LOCK TABLE modules"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var waiting sync.WaitGroup
	for range 4 {
		waiting.Go(func() {
			if a, err := i.trySend(operation(readModules, nil)); err != nil || a.code() != "" {
				t.Errorf("a query that had begun: %s %v", a.raw, err)
			}
		})
	}
	eventually(t, "shedding", func() bool {
		_, text := i.readyz()
		return strings.Contains(text, `"load":"shedding"`)
	})
	if status, text := i.readyz(); status != http.StatusOK || !strings.Contains(text, `"database":"ok"`) {
		t.Errorf("not ready: %s", text)
	}
	began := time.Now()
	for _, document := range []string{readModules, `{ __typename }`, `mutation { createChat(input: {title: "x"}) { chat { id } } }`} {
		if a := i.ask(document, nil); a.status != http.StatusServiceUnavailable || a.code() != "UNAVAILABLE" {
			t.Errorf("%s: %d %s", document, a.status, a.raw)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("three refusals took %s", took)
	}
	other.message(chat, "during")
	stream.wantMessage(3, "during")
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	waiting.Wait()
	eventually(t, "recovered", func() bool { a := i.ask(readModules, nil); return a.status == http.StatusOK && a.code() == "" })
}
