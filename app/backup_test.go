package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"studychat/db/sqlstore/sqlite"
)

// writers sends messages until stop is called, each writer to a chat of its own.
type writers struct {
	mu    sync.Mutex
	acked map[string]int // messages by chat that the server has acknowledged
	done  chan struct{}
	all   sync.WaitGroup
}

func startWriters(i *instance, chats []string) *writers {
	w := &writers{acked: map[string]int{}, done: make(chan struct{})}
	for _, chat := range chats {
		w.all.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-w.done:
					return
				default:
				}
				a, err := i.trySend(operation(sendMessage, vars{"chat": chat, "content": fmt.Sprint(n)}))
				if err != nil || len(a.Errors) > 0 {
					i.t.Errorf("a writer: %v %s", err, a.raw)
					return
				}
				w.mu.Lock()
				w.acked[chat] = n
				w.mu.Unlock()
			}
		})
	}
	return w
}

// acknowledged is how many messages of each chat were.
func (w *writers) acknowledged() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := map[string]int{}
	for chat, n := range w.acked {
		now[chat] = n
	}
	return now
}

func (w *writers) stop() {
	close(w.done)
	w.all.Wait()
}

// TestBackupAndRestore backs a file up while four writers write, and puts the backup in its place. What was acknowledged before the backup
// began is there, in order and without a hole, and a subscriber whose cursor is of the history that was replaced is told to start over.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "chat.db"), filepath.Join(dir, "backup.db")
	settings := []string{"DATABASE_URL=sqlite:" + path}
	i := start(t, settings...)
	chats := make([]string, 4)
	for n := range chats {
		chats[n], _ = i.newChat()
	}
	w := startWriters(i, chats)
	eventually(t, "each writer has written", func() bool { return len(w.acknowledged()) == len(chats) })
	before := w.acknowledged()
	if out, err := command(t, settings, "backup", copied); err != nil || !strings.Contains(out, copied) {
		t.Fatalf("backup: %q, %v", out, err)
	}
	w.stop()
	cursor, _ := i.must(readChat, vars{"id": chats[0]}).at("chat", "eventCursor").(string)
	if _, err := command(t, settings, "restore", copied, "--yes"); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("restored under a running server: %v", err)
	}
	i.message(chats[0], "the refused restore has changed nothing")
	if err := i.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, settings, "restore", copied); err == nil || !strings.Contains(err.Error(), "--yes") {
		t.Errorf("replaced without --yes: %v", err)
	}
	if out, err := command(t, settings, "restore", copied, "--yes"); err != nil || !strings.Contains(out, "epoch of the backup was 1, is ") {
		t.Fatalf("restore: %q, %v", out, err)
	}

	i = start(t, settings...)
	for _, chat := range chats {
		wantHistory(t, i, chat, before[chat])
	}
	for range w.acked[chats[0]] + 1 { // until the new history is longer, so that its length does not tell
		i.message(chats[0], "after the restore")
	}
	if e := i.follow(chats[0], cursor).next(); e.Kind != "StreamReset" || e.Reason != "EPOCH" {
		t.Errorf("a cursor of the history that was replaced gives %+v, want StreamReset EPOCH", e)
	}
	wantNoLeftovers(t, dir)
}

// wantHistory requires the first n messages of a writer, and after them only the next ones.
func wantHistory(t *testing.T, i *instance, chat string, n int) {
	t.Helper()
	a := i.must(`query ($id: ID!) { chat(id: $id) { seq messages(last: 100) { nodes { seq content } } } }`, vars{"id": chat})
	seq, _ := a.at("chat", "seq").(float64)
	if int(seq) < n+1 { // the chat's creation is event 1
		t.Errorf("the log of a chat ends at %v, and %d messages were acknowledged before the backup", seq, n)
	}
	nodes, _ := a.at("chat", "messages", "nodes").([]any)
	for _, node := range nodes {
		message, _ := node.(map[string]any)
		if at, _ := message["seq"].(float64); message["content"] != fmt.Sprint(at-1) {
			t.Errorf("event %v is %v", at, message["content"])
		}
	}
}

func wantNoLeftovers(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRestoreTwice: of two restores of one backup, the second one is a history of its own too, whatever the clock says.
func TestRestoreTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	settings := []string{"DATABASE_URL=sqlite:" + dir + "/chat.db"}
	for _, args := range [][]string{{"migrate", "up"}, {"backup", dir + "/backup.db"}} {
		if _, err := command(t, settings, args...); err != nil {
			t.Fatal(err)
		}
	}
	record(t, dir+"/chat.db", "UPDATE stream_meta SET epoch = 99999999999") // as if the clock had been far ahead
	out, err := command(t, settings, "restore", dir+"/backup.db", "--yes")
	if err != nil || !strings.Contains(out, "is 100000000000:") {
		t.Errorf("%q, %v", out, err)
	}
}

// TestBackupRefuses what would destroy something, and what is not a database of this program. Nothing is left behind.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, good, junk, torn, foreign := dir+"/chat.db", dir+"/good.db", dir+"/junk.db", dir+"/torn.db", dir+"/foreign.db"
	settings := []string{"DATABASE_URL=sqlite:" + path}
	for _, args := range [][]string{{"migrate", "up"}, {"backup", good}, {"backup", torn}} {
		if _, err := command(t, settings, args...); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(junk, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(torn, 16<<10); err != nil {
		t.Fatal(err)
	}
	record(t, foreign, "CREATE TABLE a (b)")
	if err := os.Link(path, dir+"/same.db"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason, says string
		url          string // "" is that of the file
		args         string
	}{
		{"a file that exists", "add --yes", "", "backup " + good},
		{"itself", "the same file", "", "backup " + dir + "/same.db --yes"},
		{"a folder", "is not a file", "", "backup " + dir + " --yes"},
		{"a folder that does not exist", "no such file", "", "backup " + dir + "/nowhere/x.db"},
		{"a database that does not exist", "no such file", "sqlite:" + dir + "/missing.db", "backup " + dir + "/x.db"},
		{"a backup that does not exist", "no such file", "", "restore " + dir + "/missing.db --yes"},
		{"what is not a database", "not a database", "", "restore " + junk + " --yes"},
		{"half a database", "malformed", "", "restore " + torn + " --yes"},
		{"another program's database", "no tables of studychat", "", "restore " + foreign + " --yes"},
		{"another program's database, for a new file", "no tables of studychat", "sqlite:" + dir + "/new.db", "restore " + foreign},
		{"PostgreSQL", "pg_dump", "postgres://localhost/x", "backup " + dir + "/x.db"},
		{"PostgreSQL, restored", "epoch bump", "postgres://localhost/x", "restore " + good},
		{"memory", "a file of SQLite", "sqlite::memory:", "backup " + dir + "/x.db"},
	} {
		environ := settings
		if c.url != "" {
			environ = []string{"DATABASE_URL=" + c.url}
		}
		if out, err := command(t, environ, strings.Fields(c.args)...); exitCode(err) != 1 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v; want %q", c.reason, out, err, c.says)
		}
	}
	for _, args := range []string{"backup", "backup --yes", "backup a b", "restore", "restore a --no"} {
		if _, err := command(t, settings, strings.Fields(args)...); exitCode(err) != 2 {
			t.Errorf("%s: %v", args, err)
		}
	}
	for _, name := range []string{"x.db", "missing.db", "new.db"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s was made", name)
		}
	}
	wantNoLeftovers(t, dir)
	if out, err := command(t, settings, "migrate", "status"); err != nil || strings.Contains(out, "pending") {
		t.Errorf("the refused restores changed the database: %q, %v", out, err)
	}
}
