package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"studychat/config"
	"studychat/db"
	"studychat/db/sqlstore"
)

const minPostgres = 14

func database(ctx context.Context, settings config.Settings, log *slog.Logger) (r Report) {
	if settings.Auth.Enabled() && settings.Database.ByDefault() {
		r.add("database", Degraded, "DATABASE_URL is not set: all is stored in a SQLite file of this machine")
	}
	for _, scheme := range []string{"sqlite:", "file:"} {
		path, ok := strings.CutPrefix(settings.Database.URL, scheme)
		if _, err := os.Stat(path); ok && path != ":memory:" && errors.Is(err, fs.ErrNotExist) {
			r.add("database", Degraded, path+" does not exist: the first start creates it") // opening it would
			return r
		}
	}
	store, err := sqlstore.Open(ctx, settings.Database.URL, sqlstore.OpenOptions{MaxConns: 2, Log: log})
	if err != nil {
		r.add("database", Wrong, explain(err))
		return r
	}
	defer store.Close() //nolint:errcheck // nothing is unsaved
	r.add("database", OK, store.Describe().String())
	mayCreate := true
	if store.Dialect() == sqlstore.Postgres {
		r.version(store)
		r.encryption(ctx, store)
		mayCreate = r.rights(ctx, store)
	}
	r.schema(ctx, store, settings.Database.Migrations, mayCreate)
	r.clock(store)
	return r
}

// explain is the cause of an error, in one line: operators need more than what users are told.
func explain(err error) string {
	if told, ok := errors.AsType[*db.Error](err); ok && told.Err != nil {
		err = told.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func (r *Report) version(store *sqlstore.Store) {
	version := store.Describe().Version
	if major := 0; parses(version, &major) && major < minPostgres {
		r.add("database", Wrong, fmt.Sprintf("PostgreSQL %s is older than %d", version, minPostgres))
	}
}

func parses(version string, major *int) bool {
	n, _ := fmt.Sscanf(version, "%d", major)
	return n == 1
}

func (r *Report) encryption(ctx context.Context, store *sqlstore.Store) {
	found, err := store.Encryption(ctx)
	local := isLocal(store.Describe().Address)
	switch {
	case err != nil:
		r.add("database TLS", Wrong, explain(err))
	case found.Verified:
		r.add("database TLS", OK, found.Protocol+", the server's certificate and name are checked")
	case local:
		r.add("database TLS", OK, "not needed: the database is on this machine")
	case found.Protocol != "":
		r.add("database TLS", Degraded, found.Protocol+", but anybody in between can pass for the server: end DATABASE_URL with ?sslmode=verify-full&sslrootcert=CA_FILE")
	default:
		r.add("database TLS", Degraded, "the connection is not encrypted: end DATABASE_URL with ?sslmode=verify-full&sslrootcert=CA_FILE")
	}
}

// rights says whether the role may run migrations.
func (r *Report) rights(ctx context.Context, store *sqlstore.Store) (mayCreate bool) {
	found, err := store.Rights(ctx)
	switch {
	case err != nil:
		r.add("database rights", Wrong, explain(err))
		return false
	case len(found.Missing) > 0:
		r.add("database rights", Wrong, "the role "+found.Role+" lacks rights; the owner of the tables can run:", found.Missing...)
	case found.Ready:
		r.add("database rights", OK, "the role "+found.Role+" can do what a server does")
	}
	if len(found.Identity) > 0 {
		r.add("database identity", Degraded, "a promotion or a recovery to a point in time is not noticed: run `studychat epoch bump` after each, or a superuser can run:", found.Identity...)
	} else {
		r.add("database identity", OK, "restores and promotions are noticed")
	}
	return found.MayCreate
}

func (r *Report) schema(ctx context.Context, store *sqlstore.Store, mode string, mayCreate bool) {
	state, err := store.MigrationStatus(ctx)
	if err == nil {
		err = state.Check()
	}
	pending := strings.Join(state.Pending(), ", ")
	switch {
	case err != nil:
		r.add("schema", Wrong, explain(err))
	case pending != "" && (mode != "auto" || !mayCreate):
		r.add("schema", Wrong, "the database lacks "+pending+"; as a role that may change the schema, run:", "studychat migrate up")
	case pending != "":
		r.add("schema", Degraded, "the database lacks "+pending+": the next start applies them")
	case len(state.Unknown()) > 0:
		r.add("schema", Degraded, "the database is newer, and compatible with this version: "+strings.Join(state.Unknown(), ", "))
	default:
		r.add("schema", OK, fmt.Sprintf("up to date, %d migrations", len(state)))
	}
}

func (r *Report) clock(store *sqlstore.Store) {
	offset := store.ClockOffset()
	switch says := "this machine's clock is off the database's by " + offset.String(); {
	case offset.Abs() > sqlstore.MaxClockOffset:
		r.add("clock", Wrong, says+": an instance is not ready")
	case offset.Abs() > sqlstore.ClockWarning:
		r.add("clock", Degraded, says)
	default:
		r.add("clock", OK, "agrees with the database's")
	}
}
