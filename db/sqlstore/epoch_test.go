package sqlstore_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// wantEpoch checks the database and says whether the epoch rose, as it should or not.
func wantEpoch(t *testing.T, store *sqlstore.Store, reason string, rises bool) int64 {
	t.Helper()
	eventually(t, "connections of before a restart are gone", func() bool { return answers(t, store) })
	before, err := store.Epoch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	epoch, raised, err := store.CheckEpoch(t.Context())
	if err != nil || raised != rises || (epoch > before) != rises {
		t.Fatalf("%s: the epoch was %d and is %d, raised: %t, %v; want raised: %t", reason, before, epoch, raised, err, rises)
	}
	if now, err := store.Epoch(t.Context()); err != nil || now != epoch || store.SeenEpoch() != epoch {
		t.Fatalf("%s: it reads %d, %v, and %d was seen; want %d", reason, now, err, store.SeenEpoch(), epoch)
	}
	return epoch
}

// answers says whether the pool's connections work, and that of the pulse.
func answers(t *testing.T, store *sqlstore.Store) bool {
	t.Helper()
	_, err := store.Epoch(t.Context())
	return err == nil && store.Ping(t.Context()) == nil
}

func TestEpochFirstCheck(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		if epoch := wantEpoch(t, store, "a new database", false); epoch != 1 {
			t.Errorf("a new database has epoch %d", epoch)
		}
		wantEpoch(t, store, "the same one", false)
		again := openStore(t, url, sqlstore.OpenOptions{})
		wantEpoch(t, again, "opened again", false)
	})
}

func TestBumpEpoch(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		chat := fill(t, store, "owner", 1)[0]
		begun := time.Now().Unix()
		before, after, err := store.BumpEpoch(t.Context())
		if err != nil || before != 1 || after < begun {
			t.Fatalf("from %d to %d, %v; want from 1 to the time", before, after, err)
		}
		before, third, err := store.BumpEpoch(t.Context())
		if err != nil || before != after || third <= after {
			t.Errorf("twice within a second: from %d to %d, %v", before, third, err)
		}
		wantEpoch(t, store, "a bump is no restore", false)
		read, err := store.Chat(t.Context(), "owner", chat)
		if err != nil || read.Epoch != third {
			t.Errorf("the chat reads %+v, %v; want the new epoch", read, err)
		}
		event, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Content: "x"})
		if err != nil || event.Epoch != third || event.Seq != 5 {
			t.Errorf("the next event is %+v, %v", event, err)
		}
	})
}

// TestBumpEpochAtOnce has people bump at the same time: no bump is lost, none gives a number out twice.
func TestBumpEpochAtOnce(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		const n = 8
		numbers := make(chan int64, n)
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				_, after, err := store.BumpEpoch(context.Background())
				if err != nil {
					t.Error(err)
				}
				numbers <- after
			})
		}
		all.Wait()
		close(numbers)
		seen := map[int64]bool{}
		for number := range numbers {
			seen[number] = true
		}
		if len(seen) != n {
			t.Errorf("%d bumps gave %v", n, seen)
		}
	})
}

// TestEpochAtOnce starts many instances after a restore: they raise the epoch once.
func TestEpochAtOnce(t *testing.T) {
	t.Parallel()
	url := postgres(t)
	first := openStore(t, url, sqlstore.OpenOptions{})
	wantEpoch(t, first, "new", false)
	for round := range 5 {
		if _, err := first.Bun().NewRaw("UPDATE stream_meta SET fingerprint = 'another'").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		const n = 6
		raised := make(chan bool, n)
		var all sync.WaitGroup
		for range n {
			store := openStore(t, url, sqlstore.OpenOptions{MaxConns: 2})
			all.Go(func() {
				_, rose, err := store.CheckEpoch(context.Background())
				if err != nil {
					t.Error(err)
				}
				raised <- rose
			})
		}
		all.Wait()
		close(raised)
		times := 0
		for rose := range raised {
			if rose {
				times++
			}
		}
		if times != 1 {
			t.Errorf("round %d: raised %d times", round, times)
		}
	}
}

// tool finds a program of PostgreSQL; without it there is nothing to test.
func tool(t *testing.T, name string) string {
	t.Helper()
	dir, err := services.FindPostgres()
	if err != nil {
		services.Missing(t, err)
	}
	// What is in PATH may be a link to initdb and postgres alone; their neighbours are where it leads.
	server, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres"))
	if err != nil {
		services.Missing(t, err)
	}
	path := filepath.Join(filepath.Dir(server), name)
	if _, err := os.Stat(path); err != nil {
		services.Missing(t, err)
	}
	return path
}

func runTool(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, tool(t, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// TestEpochAfterDump restores a dump in each of the ways there are.
func TestEpochAfterDump(t *testing.T) {
	t.Parallel()
	server, other := services.NewPostgresServer(t), services.NewPostgresServer(t)
	store := openStore(t, server.DSN(), sqlstore.OpenOptions{})
	chat := fill(t, store, "owner", 1)[0]
	wantEpoch(t, store, "new", false)
	dump := filepath.Join(t.TempDir(), "dump")
	runTool(t, "pg_dump", "--format=custom", "--file="+dump, server.DSN())
	latest, _, err := store.BumpEpoch(t.Context()) // the dump does not know of it
	if err != nil {
		t.Fatal(err)
	}

	t.Run("into another server", func(t *testing.T) { //nolint:paralleltest // the servers live as long as the outer test
		runTool(t, "pg_restore", "--dbname="+other.DSN(), dump)
		moved := openStore(t, other.DSN(), sqlstore.OpenOptions{})
		if epoch := wantEpoch(t, moved, "restored", true); epoch <= latest {
			t.Errorf("epoch %d was in use before", epoch)
		}
		wantEpoch(t, moved, "checked before", false)
		if read, err := moved.Chat(t.Context(), "owner", chat); err != nil || read.HeadSeq != 4 {
			t.Errorf("the chat reads %+v, %v", read, err)
		}
	})
	t.Run("beside it", func(t *testing.T) { //nolint:paralleltest // as above
		if _, err := store.Bun().NewRaw("CREATE DATABASE beside").Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		beside, _ := url.Parse(server.DSN())
		beside.Path = "/beside"
		runTool(t, "pg_restore", "--dbname="+beside.String(), dump)
		wantEpoch(t, openStore(t, beside.String(), sqlstore.OpenOptions{}), "restored beside", true)
	})
	t.Run("over it, while it is in use", func(t *testing.T) { //nolint:paralleltest // as above
		runTool(t, "pg_restore", "--clean", "--dbname="+server.DSN(), dump)
		if epoch := wantEpoch(t, store, "restored over", true); epoch <= latest {
			t.Errorf("epoch %d was in use before", epoch)
		}
	})
}

// TestEpochAfterPromotion restarts a server, crashes it, and promotes it.
func TestEpochAfterPromotion(t *testing.T) {
	t.Parallel()
	server := services.NewPostgresServer(t)
	store := openStore(t, server.DSN(), sqlstore.OpenOptions{})
	wantEpoch(t, store, "new", false)
	server.Restart()
	wantEpoch(t, store, "restarted", false)
	server.Kill()
	server.Restart()
	wantEpoch(t, store, "crashed and recovered", false)

	var data string
	if err := store.Bun().NewRaw("SHOW data_directory").Scan(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(data, "standby.signal"), 0o666); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	eventually(t, "connections of before the restart are gone", func() bool { return answers(t, store) })
	// It cannot say its timeline, nor be written to.
	if _, raised, err := store.CheckEpoch(t.Context()); raised || db.CodeOf(err) != db.CodeUnavailable {
		t.Errorf("a standby: raised: %t, %v", raised, err)
	}
	var promoted bool
	if err := store.Bun().NewRaw("SELECT pg_promote()").Scan(t.Context(), &promoted); err != nil || !promoted {
		t.Fatalf("promoted: %t, %v", promoted, err)
	}
	wantEpoch(t, store, "promoted, and not yet checkpointed", true)
	server.Restart()
	wantEpoch(t, store, "restarted afterwards", false)
}

// TestEpochUnprivileged takes the functions away, as managed databases do: it is said once, and a dump restored elsewhere
// is still noticed.
func TestEpochUnprivileged(t *testing.T) {
	t.Parallel()
	server := services.NewPostgresServer(t)
	admin := openStore(t, server.DSN(), sqlstore.OpenOptions{})
	for _, statement := range []string{
		"REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
		"CREATE ROLE app LOGIN",
		"GRANT SELECT, UPDATE ON stream_meta TO app",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON cache_outages TO app",
	} {
		if _, err := admin.Bun().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var said bytes.Buffer
	app, _ := url.Parse(server.DSN())
	app.User = url.User("app")
	store, err := sqlstore.Open(t.Context(), app.String(), sqlstore.OpenOptions{Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	wantEpoch(t, store, "the first check", false)
	wantEpoch(t, store, "the second check", false)
	if n := strings.Count(said.String(), "does not say which it is"); n != 1 {
		t.Errorf("said %d times:\n%s", n, said.String())
	}
	if _, err := admin.Bun().NewRaw("CREATE TABLE copy (LIKE stream_meta INCLUDING ALL)").Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO copy SELECT * FROM stream_meta", "DROP TABLE stream_meta",
		"ALTER TABLE copy RENAME TO stream_meta", "GRANT SELECT, UPDATE ON stream_meta TO app",
	} {
		if _, err := admin.Bun().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantEpoch(t, store, "the tables are others, as after a restore", true)
}

func TestEpochUnavailable(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store := openStore(t, url, sqlstore.OpenOptions{})
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.CheckEpoch(t.Context()); db.CodeOf(err) != db.CodeUnavailable {
			t.Errorf("CheckEpoch: %v", err)
		}
		if _, _, err := store.BumpEpoch(t.Context()); db.CodeOf(err) != db.CodeUnavailable {
			t.Errorf("BumpEpoch: %v", err)
		}
	})
}
