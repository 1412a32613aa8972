package sqlstore_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"studychat/db"
	"studychat/db/sqlstore"
)

// databaseName is the last part of a test database's URL.
func databaseName(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// alter runs statements on a database, with NAME for its name.
func alter(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	store := openEmpty(t, dsn, sqlstore.OpenOptions{})
	for _, statement := range statements {
		statement = strings.ReplaceAll(statement, "NAME", databaseName(t, dsn))
		if _, err := store.Bun().ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// wantWhole stores texts and times, and wants them back as they were, and as the server understood them.
func wantWhole(t *testing.T, dsn string) {
	t.Helper()
	store := openStore(t, dsn, sqlstore.OpenOptions{})
	for name, want := range map[string]string{
		"client_encoding": "UTF8", "datestyle": "ISO", "timezone": "UTC", "standard_conforming_strings": "on",
	} {
		var got string
		err := store.Bun().NewRaw("SELECT current_setting(?)", name).Scan(t.Context(), &got)
		if got, _, _ = strings.Cut(got, ","); err != nil || got != want { // the order of day and month, after the comma, is for input
			t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
		}
	}
	chat := fill(t, store, "owner", 1)[0]
	const content = `ä € 漢 👩‍👩‍👧 \' ''`
	sent, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: content})
	if err != nil {
		t.Fatal(err)
	}
	var length int
	err = store.Bun().NewRaw("SELECT length(content) FROM messages WHERE id = ?", sent.Message.ID).Scan(t.Context(), &length)
	if err != nil || length != utf8.RuneCountInString(content) {
		t.Errorf("the server counts %d characters, want %d (%v)", length, utf8.RuneCountInString(content), err)
	}
	log, err := store.Log(t.Context(), chat, sent.Seq-1, 10)
	if err != nil || len(log.Events) != 1 {
		t.Fatalf("got %+v, %v", log, err)
	}
	got := log.Events[0].Message
	if got.Content != content || !got.CreatedAt.Equal(sent.Message.CreatedAt) || got.CreatedAt.Location() != sent.Message.CreatedAt.Location() {
		t.Errorf("sent %+v, read %+v", sent.Message, got)
	}
}

// TestPostgresSession: what the server, the database, the role, the URL or the environment say of encodings and dates does
// not change what is stored and read.
func TestPostgresSession(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"as it comes":            nil,
		"a database's encoding":  {"ALTER DATABASE NAME SET client_encoding = 'LATIN1'"},
		"a role's encoding":      {"ALTER ROLE CURRENT_USER IN DATABASE NAME SET client_encoding = 'LATIN1'"},
		"a role's dates":         {"ALTER ROLE CURRENT_USER IN DATABASE NAME SET DateStyle = 'German'"},
		"a database's time zone": {"ALTER DATABASE NAME SET TimeZone = 'Asia/Kathmandu'", "ALTER DATABASE NAME SET DateStyle = 'SQL, DMY'"},
		"backslashes as escapes": {"ALTER DATABASE NAME SET standard_conforming_strings = off"},
		"what we cannot ask for": {"ALTER DATABASE NAME SET bytea_output = 'escape'", "ALTER DATABASE NAME SET IntervalStyle = 'sql_standard'", "ALTER DATABASE NAME SET extra_float_digits = -15"},
		"another schema first":   {"CREATE SCHEMA other", "ALTER DATABASE NAME SET search_path = other, public"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := postgres(t)
			alter(t, dsn, statements...)
			wantWhole(t, dsn)
		})
	}
	for _, query := range []string{"client_encoding=LATIN1&DateStyle=German", "TimeZone=Asia%2FKathmandu&CLIENT_ENCODING=LATIN1", "options=-c%20client_encoding%3DLATIN1%20-c%20DateStyle%3DGerman"} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			wantWhole(t, postgres(t)+"&"+query)
		})
	}
}

// TestPostgresEnvironment is TestPostgresSession for the environment of the process, so it runs alone.
func TestPostgresEnvironment(t *testing.T) {
	t.Setenv("PGCLIENTENCODING", "LATIN1")
	t.Setenv("PGTZ", "Asia/Kathmandu")
	t.Setenv("PGDATESTYLE", "German")
	t.Setenv("PGOPTIONS", "-c client_encoding=LATIN1 -c DateStyle=German -c TimeZone=Asia/Kathmandu -c standard_conforming_strings=off")
	wantWhole(t, postgres(t))
}

// TestPostgresEncoding: a database whose own encoding cannot hold every text is refused at once, in a sentence.
func TestPostgresEncoding(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"LATIN1", "SQL_ASCII"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			dsn := postgres(t)
			name := databaseName(t, dsn)
			other := name + "_" + strings.ToLower(encoding)
			alter(t, dsn, "CREATE DATABASE "+other+" ENCODING '"+encoding+"' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
			_, err := sqlstore.Open(t.Context(), strings.Replace(dsn, name, other, 1), sqlstore.OpenOptions{})
			if err == nil || db.CodeOf(err) == db.CodeUnavailable || !strings.Contains(err.Error(), "is "+encoding+": it must be UTF8") {
				t.Errorf("got %v", err)
			}
			alter(t, dsn, "DROP DATABASE "+other+" WITH (FORCE)")
		})
	}
}
