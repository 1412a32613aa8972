package cache

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// databases are what the cache is put upon.
var databases = map[string]func(t *testing.T) string{
	"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "chat.db") },
	"PostgreSQL": func(t *testing.T) string { return services.Postgres(t) },
}

// statements counts what reaches the database, and remembers the pool that writes.
type statements struct {
	n      atomic.Int64
	writer atomic.Pointer[bun.DB]
}

func (s *statements) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (s *statements) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	s.n.Add(1)
	if event.Operation() == "INSERT" {
		s.writer.Store(event.DB)
	}
}

// fill is a dbtest.Filler: it stores rows as they are, past the cache.
func (s *statements) fill(ctx context.Context, members []*db.Member) error {
	_, err := s.writer.Load().NewInsert().Model(&members).Exec(ctx)
	return err
}

// instance is a process: a store behind a cache.
type instance struct {
	store *sqlstore.Store
	guard *Guard
	cache *Cache
	sql   *statements
}

func open(t *testing.T, url, redisAddr string) *instance {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	guard := newGuard(t, dialPatient(t, redisAddr), tuning{})
	sql := new(statements)
	store, err := sqlstore.Open(t.Context(), url, sqlstore.OpenOptions{Guard: guard, Log: log, Hook: sql})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	guard.Start(t.Context())
	t.Cleanup(guard.Stop)
	c := New(store, guard, Options{})
	t.Cleanup(c.Stop)
	return &instance{store: store, guard: guard, cache: c, sql: sql}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if raced && name == "SQLite" {
				t.Skip("the detector sees the same code over PostgreSQL, and over SQLite reading twice: make test runs this without it")
			}
			in := open(t, database(t), newRedis(t).Addr())
			// A cleanup, since the suite's tests are parallel and end after this function.
			t.Cleanup(func() {
				if got := in.guard.Stats(); got.Hits == 0 || got.Fills == 0 || in.guard.link.Health.Failures() > 0 {
					t.Errorf("the suite did not run over the cache: %+v", got)
				}
			})
			dbtest.Run(t, func(*testing.T) db.Repository { return in.cache }, in.sql.fill)
		})
	}
}

// The suite reads back what it wrote through the same instance; here it reads everything twice, so that a hit has to
// answer as the database did. What is decoded is read by many and changed by nobody: in the end it is what Redis holds.
func TestRepositoryReadingTwice(t *testing.T) {
	t.Parallel()
	in := open(t, databases["SQLite"](t), newRedis(t).Addr())
	in.cache.options.TTL, in.cache.bigTTL = time.Hour, time.Hour // longer than the suite
	t.Cleanup(func() {
		if n := in.unchanged(t); n == 0 {
			t.Error("nothing was left to compare")
		}
	})
	dbtest.Run(t, func(*testing.T) db.Repository { return twice{in.cache} }, in.sql.fill)
}

// unchanged compares what is decoded with Redis, and returns how much it compared.
func (in *instance) unchanged(t *testing.T) (compared int) {
	t.Helper()
	for _, key := range in.cache.tier.bodies.Keys() {
		known, _ := in.cache.tier.get(key)
		v := parseValue(in.guard.link.Client.Get(context.Background(), key).Val())
		if v.state != stateBody || v.fill != known.fill {
			continue
		}
		if compared++; string(encoded(known.body)) != v.content {
			t.Errorf("%s was changed after it was decoded", key)
		}
	}
	return compared
}

type twice struct{ *Cache }

func (r twice) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	_, _ = r.Cache.Chat(ctx, viewer, id)
	return r.Cache.Chat(ctx, viewer, id)
}

func (r twice) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	_, _ = r.Cache.Chats(ctx, viewer, module, page)
	return r.Cache.Chats(ctx, viewer, module, page)
}

func TestHitsReachNoDatabase(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := open(t, database(t), newRedis(t).Addr())
			id := db.NewID()
			if _, err := in.cache.CreateChat(t.Context(), "ann", db.NewChat{ID: id, Title: "Biology"}); err != nil {
				t.Fatal(err)
			}
			read := func() {
				t.Helper()
				if _, err := in.cache.Chat(t.Context(), "ann", id); err != nil {
					t.Fatal(err)
				}
				if _, err := in.cache.Chats(t.Context(), "ann", nil, db.Page{Limit: db.ChatPage}); err != nil {
					t.Fatal(err)
				}
			}
			before := in.sql.n.Load()
			read()
			if in.sql.n.Load() == before {
				t.Fatal("misses reach no database either: the counter is blind")
			}
			before = in.sql.n.Load()
			for range 10 {
				read()
			}
			if n := in.sql.n.Load() - before; n != 0 {
				t.Errorf("hits made %d statements", n)
			}
		})
	}
}

// A chat outgrows the size up to which its writes mark everybody's list; who joins or leaves sees it at once all the same.
func TestListsWhileAChatOutgrowsTheGuard(t *testing.T) {
	t.Parallel()
	in := open(t, databases["SQLite"](t), newRedis(t).Addr())
	event, err := in.cache.CreateChat(t.Context(), "owner", db.NewChat{ID: db.NewID(), Title: "Biology"})
	if err != nil {
		t.Fatal(err)
	}
	id := event.ChatID
	must := func(_ *db.Event, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	shows := func(reason, viewer string, seq int64) {
		t.Helper()
		for range 2 { // the second time from the cache
			list, err := in.cache.Chats(t.Context(), viewer, nil, db.Page{Limit: db.ChatPage})
			if err != nil {
				t.Fatal(err)
			}
			if seq == 0 && len(list.Chats) != 0 || seq > 0 && (len(list.Chats) != 1 || list.Chats[0].HeadSeq != seq) {
				t.Errorf("%s: %s sees %+v, want version %d", reason, viewer, list.Chats, seq)
			}
		}
	}
	for i := range db.MaxGuardedMembers - 1 { // with the owner, as many as are marked
		must(in.cache.AddMember(t.Context(), "owner", id, fmt.Sprint("user", i)))
	}
	const full = db.MaxGuardedMembers
	shows("at the limit", "user5", full)
	shows("not yet there", "ann", 0)
	must(in.cache.AddMember(t.Context(), "owner", id, "one more"))
	shows("the write that crosses the limit", "user5", full+1)
	must(in.cache.AddMember(t.Context(), "owner", id, "ann"))
	shows("joined above the limit", "ann", full+2)
	must(in.cache.RemoveMember(t.Context(), "owner", id, "ann"))
	shows("removed above the limit", "ann", 0)
	must(in.cache.LeaveChat(t.Context(), "one more", id))
	shows("left, back to the limit", "one more", 0)
}
