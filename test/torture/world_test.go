package torture

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/test/services"
)

// world is the environment of a check: three servers on one PostgreSQL and one Redis, unless its setting says otherwise.
type world struct {
	t         testing.TB
	dsn       string
	redis     *services.RedisServer // nil with a cluster
	proxies   []*proxy              // to Redis, one for each instance, if requested
	databases []*proxy              // to PostgreSQL, likewise
	instances []*instance
	client    *http.Client
}

// setting says how a world differs from the default one.
type setting struct {
	dsn     string          // instead of an own database on the shared PostgreSQL
	proxied bool            // each instance reaches Redis through its own proxy
	distant bool            // each instance reaches PostgreSQL through its own proxy
	count   int             // of instances; 0 means three
	pooled  string          // a DSN that leads the instances to the database by a pooler
	cluster string          // nodes of a Redis Cluster, instead of an own Redis
	clocks  []time.Duration // how far the clock of each instance is ahead; nil: all are right
	extra   []string
}

func newWorld(t testing.TB, o setting) *world {
	t.Helper()
	w := &world{t: t, dsn: o.dsn, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	t.Cleanup(w.client.CloseIdleConnections)
	if w.dsn == "" {
		w.dsn = services.Postgres(t)
	}
	if o.cluster == "" {
		w.redis = services.NewRedisServer(t)
	}
	for n := range cmp.Or(o.count, 3) {
		w.instances = append(w.instances, w.newInstance(n, o))
	}
	for _, i := range w.instances {
		t.Cleanup(i.kill)
		i.start()
	}
	return w
}

// victim starts a further instance that only the check itself uses. It reaches PostgreSQL through its own proxy, with
// further settings in the DSN, such as "&synchronous_commit=on".
func (w *world) victim(settings string) (*instance, *proxy) {
	w.t.Helper()
	i := w.newInstance(0, setting{distant: true})
	i.settings[0] += settings // DATABASE_URL
	w.t.Cleanup(i.kill)
	i.start()
	return i, w.databases[len(w.databases)-1]
}

// newInstance returns an instance that is not started.
func (w *world) newInstance(n int, o setting) *instance {
	w.t.Helper()
	i := &instance{t: w.t}
	redisURL, dsn := o.cluster, cmp.Or(o.pooled, w.dsn)
	if redisURL == "" {
		redisURL = w.redis.URL()
	}
	if o.proxied {
		p := newProxy(w.t, w.redis.Addr())
		w.proxies = append(w.proxies, p)
		redisURL = p.url()
	}
	if o.distant {
		var p *proxy
		p, dsn = newDatabaseProxy(w.t, dsn)
		w.databases = append(w.databases, p)
	}
	if o.clocks != nil {
		i.clock = newClock(w.t)
		i.clock.ahead(o.clocks[n])
	}
	i.settings = slices.Concat([]string{"DATABASE_URL=" + dsn, "REDIS_URL=" + redisURL}, authSettings, o.extra)
	return i
}

// admin returns a client for commands that only faults use: CLIENT KILL, CONFIG SET, FLUSHALL.
func admin(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// silence keeps the client from logging refusals that a check provokes.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// must runs an operation that must succeed, at any instance.
func (w *world) must(user, document string, v vars, data any) {
	w.t.Helper()
	if err := post(w.t.Context(), w.client, w.instances[0], user, document, v, data); err != nil {
		w.t.Fatalf("%s %v: %v", document, v, err)
	}
}

// states returns each instance's state of Redis.
func (w *world) states() []string {
	states := make([]string, len(w.instances))
	var asked sync.WaitGroup
	for n, i := range w.instances {
		asked.Go(func() { states[n] = i.redisState(w.client) })
	}
	asked.Wait()
	return states
}

func (w *world) all(state string) bool {
	return !slices.ContainsFunc(w.states(), func(s string) bool { return s != state })
}

// truth reads the logs of all chats.
func (w *world) truth() truth {
	w.t.Helper()
	t, err := readTruth(w.t.Context(), w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func readTruth(ctx context.Context, dsn string) (truth, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT chat_id::text, seq, 'MESSAGE_SENT', id::text FROM messages UNION ALL SELECT chat_id::text, seq, kind, '' FROM chat_events`)
	if err != nil {
		return nil, err
	}
	t := truth{}
	var chat, kind, message string
	var seq int64
	_, err = pgx.ForEachRow(rows, []any{&chat, &seq, &kind, &message}, func() error {
		if t[chat] == nil {
			t[chat] = map[int64]logged{}
		}
		t[chat][seq] = logged{typeName(kind), message}
		return nil
	})
	return t, err
}

// typeName turns MESSAGE_SENT into MessageSent.
func typeName(kind string) string {
	var name strings.Builder
	for part := range strings.SplitSeq(kind, "_") {
		name.WriteString(part[:1] + strings.ToLower(part[1:]))
	}
	return name.String()
}

// sql changes the database without the servers' knowledge.
func (w *world) sql(statement string, args ...any) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, w.dsn)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement, args...); err != nil {
		w.t.Fatal(err)
	}
}

// lock runs a statement in a transaction that stays open, with its locks, until release.
func (w *world) lock(statement string, args ...any) (release func()) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	conn, err := pgx.Connect(ctx, w.dsn)
	if err != nil {
		cancel()
		w.t.Fatal(err)
	}
	release = sync.OnceFunc(func() {
		defer cancel()
		_ = conn.Close(ctx) // this ends the transaction
	})
	w.t.Cleanup(release)
	if _, err = conn.Exec(ctx, "BEGIN"); err == nil {
		_, err = conn.Exec(ctx, statement, args...)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return release
}
