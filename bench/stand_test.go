//go:build linux

package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"

	"studychat/bench/data"
	"studychat/test/services"
)

const secret = "a secret of at least thirty-two bytes"

// serverSettings are those of a server in production: tokens, connection quotas and rate limits are checked. The bounds are out of
// reach, as all load comes from one address.
var serverSettings = []string{
	"JWT_SECRET=" + secret, "JWT_ISSUER=bench", "JWT_AUDIENCE=studychat",
	"MUTATION_RATE=1000000", "MUTATION_BURST=1000000", "ADDRESS_MUTATION_RATE=1000000", "ADDRESS_MUTATION_BURST=1000000",
	"CONNECTIONS_PER_USER=1000000", "CONNECTIONS_PER_ADDRESS=1000000",
}

// databaseSettings make commits durable, and keep checkpoints out of the measurements.
var databaseSettings = []string{
	"fsync=on", "synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=4GB", "checkpoint_timeout=30min", "autovacuum_naptime=10min",
	"max_connections=400",
}

// stand is what all scenarios share: the programs, the databases, and the servers that stay up.
type stand struct {
	t       *testing.T
	scale   scale
	build   string            // directory of the programs
	base    string            // commit, or "" without one
	dsn     map[string]string // by build of the server: a database of its own, with the chats of package data
	redis   string
	results *results
}

func newStand(t *testing.T, s scale) *stand {
	t.Helper()
	st := &stand{t: t, scale: s, build: t.TempDir(), results: newResults()}
	st.compile()
	st.dsn = st.databases(t, st.builds()...)
	st.redis = services.NewRedisServer(t).URL()
	pinClient(t)
	return st
}

func (st *stand) binary(name string) string { return filepath.Join(st.build, name) }

// compile builds the programs, and the server of the base commit if there is one.
func (st *stand) compile() {
	st.t.Helper()
	for name, source := range map[string]string{"studychat": ".", "floor": "./bench/peer/floor", "gqlgen": "./bench/peer/gqlgen", "sends": "./bench/sends"} {
		must(st.t, "..", "go", "build", "-buildvcs=false", "-o", st.binary(name), source)
	}
	if *baseFlag == "" {
		return
	}
	// An archive, and not a worktree: nothing of it stays in the repository when this process is killed.
	tree := st.t.TempDir()
	if out, err := run(st.t.Context(), "..", "sh", "-c", `git archive "$1" | tar x -C "$2"`, "sh", *baseFlag, tree); err != nil || empty(tree) {
		st.t.Logf("LEFT OUT: the comparison with commit %s, which is not in this clone: %v %s", *baseFlag, err, out)
		return
	}
	must(st.t, tree, "go", "build", "-trimpath", "-buildvcs=false", "-o", st.binary("base"), ".") // the next run finds its packages in the cache
	st.base = *baseFlag
}

func empty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err != nil || len(entries) == 0
}

// databases starts a PostgreSQL and makes a database for each of the builds of the server: their schemas may differ.
func (st *stand) databases(t testing.TB, builds ...string) map[string]string {
	t.Helper()
	server := services.NewPostgresServer(t, databaseSettings...).DSN()
	all := map[string]string{}
	for _, build := range builds {
		execute(t, server, "CREATE DATABASE "+build)
		all[build] = seeded(t, st.binary(build), strings.Replace(server, "/postgres?", "/"+build+"?", 1))
	}
	return all
}

// builds are those of the server: this one, and the base commit's if there is one.
func (st *stand) builds() []string {
	if st.base == "" {
		return []string{"studychat"}
	}
	return []string{"studychat", "base"}
}

// seeded lets the server migrate the database, and fills it.
func seeded(t testing.TB, server, dsn string) string {
	t.Helper()
	migrate := exec.Command(server, "migrate", "up")
	migrate.Env = []string{"DATABASE_URL=" + dsn}
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	execute(t, dsn, data.Seed)
	execute(t, dsn, "VACUUM ANALYZE")
	execute(t, dsn, "CHECKPOINT")
	return dsn
}

func execute(t testing.TB, dsn, statements string) {
	t.Helper()
	connected(t, dsn, func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, statements).ReadAll()
		return err
	})
}

// count answers a query that gives one number.
func count(t testing.TB, dsn, query string, args ...any) (n int64) {
	t.Helper()
	connected(t, dsn, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, query, args...).Scan(&n) })
	return n
}

func connected(t testing.TB, dsn string, use func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err == nil {
		err = use(ctx, conn)
		_ = conn.Close(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// server starts a build of the server: "studychat" or "base".
func (st *stand) server(t testing.TB, build string, extra ...string) *process {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", services.Port(t))
	env := slices.Concat([]string{"ADDR=" + addr, "DATABASE_URL=" + st.dsn[build], "REDIS_PREFIX=" + build}, serverSettings, extra)
	return start(t, build, addr, env, st.binary(build))
}

// cached is the server with everything.
func (st *stand) cached(t testing.TB, build string) *process {
	t.Helper()
	return st.server(t, build, "REDIS_URL="+st.redis)
}

func (st *stand) floor(t testing.TB) *process {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", services.Port(t))
	return start(t, "floor", addr, nil, st.binary("floor"), "-addr", addr, "-redis", st.redis, "-dsn", st.dsn["studychat"])
}

func (st *stand) gqlgen(t testing.TB) *process {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", services.Port(t))
	return start(t, "gqlgen", addr, nil, st.binary("gqlgen"), "-addr", addr)
}

// mercurius is nil on a machine without Node.
func (st *stand) mercurius(t testing.TB) *process {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Log("LEFT OUT: Mercurius, as there is no node in PATH")
		return nil
	}
	dir := filepath.Join("peer", "mercurius")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "mercurius")); err != nil {
		if out, err := run(t.Context(), dir, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"); err != nil {
			if services.InCI() {
				t.Fatalf("npm ci: %v\n%s", err, out)
			}
			t.Logf("LEFT OUT: Mercurius, as npm ci failed: %v", err)
			return nil
		}
	}
	port := services.Port(t)
	return start(t, "mercurius", fmt.Sprintf("127.0.0.1:%d", port), []string{"NODE_ENV=production"}, node, filepath.Join(dir, "server.mjs"), fmt.Sprint(port))
}

var tokens sync.Map // by user

// token is one that the server accepts.
func token(user string) string {
	if found, ok := tokens.Load(user); ok {
		return found.(string)
	}
	now := time.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "bench", "aud": "studychat", "sub": user, "name": "user " + user, "iat": now.Unix(), "exp": now.Add(2 * time.Hour).Unix(),
	}).SignedString([]byte(secret))
	if err != nil {
		panic(err) // the algorithm and the key do not match
	}
	tokens.Store(user, signed)
	return signed
}
