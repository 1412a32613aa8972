package identity

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
)

// The parts that a server may refuse to tell, as some managed ones do. The timeline is that of the WAL that is written now: the one in the
// control file (pg_control_checkpoint) is the old one until the first checkpoint after a promotion.
const (
	systemPart   = "(SELECT CAST(system_identifier AS text) FROM pg_control_system()) AS system"
	timelinePart = "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline"
)

// The parts that every server tells.
const (
	databasePart = "(SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()) AS database"
	tablePart    = "CAST(CAST(CAST('stream_meta' AS regclass) AS oid) AS text) AS table"
)

// Reader asks a server for its identity. Each refusal is an ERROR in the server's log, so it does not ask again for a refused part.
type Reader struct {
	mu      sync.Mutex
	told    []string // of the optional parts
	known   bool     // whether told is
	refusal string
}

// Read asks for the parts that the server tells. At first it finds out which these are: conn must not be a transaction.
func (r *Reader) Read(ctx context.Context, conn bun.IDB) (Identity, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.probe(ctx, conn); err != nil {
		return Identity{}, err
	}
	found, err := r.ask(ctx, conn)
	if refusal(err) == "" {
		return found, err
	}
	r.known = false // rights were taken away
	if err := r.probe(ctx, conn); err != nil {
		return Identity{}, err
	}
	return r.ask(ctx, conn)
}

// ReadAgain asks for the parts that the last Read was told, in a transaction too.
func (r *Reader) ReadAgain(ctx context.Context, conn bun.IDB) (Identity, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ask(ctx, conn)
}

// Refusal is what the server said when it refused a part, or "".
func (r *Reader) Refusal() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusal
}

func (r *Reader) probe(ctx context.Context, conn bun.IDB) error {
	if r.known {
		return nil
	}
	told := []string{}
	for _, part := range []string{systemPart, timelinePart} {
		var text string
		err := conn.NewSelect().ColumnExpr(part).Scan(ctx, &text)
		switch said := refusal(err); {
		case said != "":
			r.refusal = said
		case err != nil:
			return err
		default:
			told = append(told, part)
		}
	}
	r.told, r.known = told, true
	return nil
}

func (r *Reader) ask(ctx context.Context, conn bun.IDB) (found Identity, err error) {
	query := conn.NewSelect().ColumnExpr(databasePart).ColumnExpr(tablePart)
	for _, part := range r.told {
		query = query.ColumnExpr(part)
	}
	return found, query.Scan(ctx, &found)
}

// refusal is what the server said if it will not answer, whenever it is asked; otherwise "".
func refusal(err error) string {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	if pgErr.Code == "0A000" || strings.HasPrefix(pgErr.Code, "42") { // not supported; no right, no such function
		return pgErr.Message
	}
	return ""
}
