package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"studychat/db/sqlstore"
)

// TestSQLiteSettings asks the connections themselves: a typo in a connection parameter goes unnoticed otherwise.
func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	store := openStore(t, sqliteFile(t), sqlstore.OpenOptions{})
	for pragma, want := range map[string]string{
		"PRAGMA journal_mode": "wal",
		"PRAGMA synchronous":  "2", // FULL
		"PRAGMA foreign_keys": "1",
		"PRAGMA busy_timeout": "100",
		"PRAGMA query_only":   "0",
	} {
		var got string
		if err := store.Bun().NewRaw(pragma).Scan(t.Context(), &got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
	var got string
	if err := store.Reader().NewRaw("PRAGMA query_only").Scan(t.Context(), &got); err != nil || got != "1" {
		t.Errorf("readers may write: %q, %v", got, err)
	}
}

// TestSQLiteTimesSort stores times whose usual spelling does not sort: with and without trailing zeros, and of other
// time zones.
func TestSQLiteTimesSort(t *testing.T) {
	t.Parallel()
	store := openStore(t, "sqlite::memory:", sqlstore.OpenOptions{})
	base := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	times := []time.Time{
		base.Add(-time.Microsecond), base, base.Add(time.Microsecond), base.Add(100 * time.Microsecond),
		base.Add(time.Millisecond), base.Add(999_999 * time.Microsecond), base.Add(time.Second),
		base.Add(time.Second + time.Microsecond).In(time.FixedZone("east", 5*3600)), base.Add(time.Minute).In(time.FixedZone("west", -9*3600)),
	}
	for i := range times {
		for j := range times {
			var less, same bool
			var back time.Time
			if err := store.Bun().NewRaw("SELECT ? < ?, ? = ?, ?", times[i], times[j], times[i], times[j], times[i]).
				Scan(t.Context(), &less, &same, &back); err != nil {
				t.Fatal(err)
			}
			if less != times[i].Before(times[j]) || same != times[i].Equal(times[j]) || !back.Equal(times[i]) || back.Location() != time.UTC {
				t.Errorf("%s and %s: less %t, same %t, back as %s", times[i], times[j], less, same, back)
			}
		}
	}
}

// TestSQLiteTimesHaveOneWidth looks at every time that a chat's life leaves in the file.
func TestSQLiteTimesHaveOneWidth(t *testing.T) {
	t.Parallel()
	store := openStore(t, sqliteFile(t), sqlstore.OpenOptions{})
	chats := fill(t, store, "owner", 20)
	last, err := store.Chat(t.Context(), "owner", chats[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.EditMessage(t.Context(), "mia", last.LastMessage.ID, "edited"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteMessage(t.Context(), "mia", last.LastMessage.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := store.DeleteChat(t.Context(), "owner", chats[1]); err != nil {
		t.Fatal(err)
	}
	var odd []string
	if err := store.Bun().NewRaw(`SELECT t FROM (
SELECT created_at AS t FROM chats UNION SELECT last_at FROM chats UNION SELECT deleted_at FROM chats
UNION SELECT joined_at FROM chat_members UNION SELECT created_at FROM chat_events
UNION SELECT created_at FROM messages UNION SELECT edited_at FROM messages UNION SELECT deleted_at FROM messages)
WHERE t IS NOT NULL AND t NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9].[0-9][0-9][0-9][0-9][0-9][0-9]'`).
		Scan(t.Context(), &odd); err != nil || len(odd) != 0 {
		t.Errorf("odd times: %q, %v", odd, err)
	}
}

// TestSQLiteReadsBesideWrite reads while a write is under way, which WAL is for, and finds the state before it.
func TestSQLiteReadsBesideWrite(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, sqliteFile(t))
	tx, err := g.Bun().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.NewRaw("UPDATE chats SET head_seq = 99").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	if head := g.head(t); head != 1 {
		t.Errorf("the reader sees event %d", head)
	}
}

// TestSQLiteOtherWriter has another process hold the write lock.
func TestSQLiteOtherWriter(t *testing.T) {
	t.Parallel()
	g := openGuarded(t, sqliteFile(t))
	other, err := sql.Open("sqlite", strings.TrimPrefix(g.url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = other.Close() })
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := g.send(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
		t.Errorf("a caller without time got %v after %s", err, time.Since(start))
	}
	done := make(chan error, 2)
	go func() {
		_, err := g.send(t.Context())
		done <- err
	}()
	go func() {
		_, _, err := g.MarkRead(t.Context(), "owner", g.chat, 1)
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("did not wait for the other writer: %v", err)
	case <-time.After(3 * busyTimeout): // more than one attempt
	}
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

const busyTimeout = 100 * time.Millisecond
