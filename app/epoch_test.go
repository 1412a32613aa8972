package app

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/db"
	"studychat/test/services"
)

// bump runs `studychat epoch bump` beside a server and returns its output.
func bump(t *testing.T, settings []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLong)
	defer cancel()
	var out strings.Builder
	if err := run(ctx, []string{"epoch", "bump"}, settings, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestEpochBump bumps the epoch under a running server. A chat's stream and the feed must announce it and continue, and
// later reads, even from the cache, must have cursors of the new epoch.
func TestEpochBump(t *testing.T) {
	t.Parallel()
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			settings := w.settings(t)
			i := start(t, settings...)
			chat, cursor := i.newChat()
			for range 2 { // the second read comes from the cache, if there is one
				i.must(readChat, vars{"id": chat})
			}
			live, feed := i.follow(chat, cursor), i.follow("", db.FeedCursor{User: "local", Epoch: 1, At: time.Now()}.String())
			i.message(chat, "before")
			live.wantMessage(2, "before")
			feed.wantMessage(2, "before")
			i.must(readChat, vars{"id": chat})

			if said := bump(t, settings); !strings.HasPrefix(said, "epoch was 1, is ") {
				t.Errorf("the command printed %q", said)
			}
			reset := live.next()
			if reset.Kind != "StreamReset" || reset.Reason != "EPOCH" || strings.HasPrefix(reset.Cursor, "2.1.") {
				t.Fatalf("got %+v, want StreamReset EPOCH", reset)
			}
			if a := i.must(readChat, vars{"id": chat}); a.at("chat", "eventCursor") != reset.Cursor {
				t.Errorf("the chat reads %s, want the cursor %s", a.raw, reset.Cursor)
			}
			if e := feed.next(); e.Kind != "StreamReset" || e.Reason != "EPOCH" {
				t.Fatalf("the feed has %+v, want StreamReset EPOCH", e)
			}
			i.message(chat, "after")
			live.wantMessage(3, "after")
			feed.wantMessage(3, "after")
			i.follow(chat, reset.Cursor).wantMessage(3, "after")
			if e := i.follow(chat, cursor).next(); e.Kind != "StreamReset" || e.Reason != "EPOCH" {
				t.Errorf("an earlier cursor gives %+v, want StreamReset EPOCH", e)
			}
		})
	}
}

// TestEpochAtStart starts a server on a database that was a different one when last used.
func TestEpochAtStart(t *testing.T) {
	t.Parallel()
	url := services.Postgres(t)
	settings := []string{"DATABASE_URL=" + url}
	i := start(t, settings...)
	chat, cursor := i.newChat()
	if err := i.stop(); err != nil {
		t.Fatal(err)
	}
	i = start(t, settings...)
	i.message(chat, "one")
	i.follow(chat, cursor).wantMessage(2, "one")
	if err := i.stop(); err != nil {
		t.Fatal(err)
	}

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "UPDATE stream_meta SET fingerprint = 'another database'"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	i = start(t, settings...)
	if e := i.follow(chat, cursor).next(); e.Kind != "StreamReset" || e.Reason != "EPOCH" {
		t.Errorf("got %+v, want StreamReset EPOCH", e)
	}
	if said := i.logs.text(); !strings.Contains(said, "restored or promoted") {
		t.Errorf("nothing was logged:\n%s", said)
	}
}

// TestEpochBumpNeedsSchema checks that the command fails on an empty database.
func TestEpochBumpNeedsSchema(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), []string{"epoch", "bump"}, []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/new.db"}, io.Discard, io.Discard)
	if exitCode(err) != 1 {
		t.Errorf("got %v", err)
	}
	for _, args := range [][]string{{"epoch"}, {"epoch", "lower"}, {"epoch", "bump", "twice"}} {
		if err := run(t.Context(), args, nil, io.Discard, io.Discard); exitCode(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}
