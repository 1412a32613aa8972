package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

const beginRead = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// Session is a connection of the pool that somebody has for themselves. It sends several statements at once.
type Session struct{ conn *limitedConn }

// rollbackTimeout is how long a rollback may take. After it the connection is closed, which ends the transaction too.
const rollbackTimeout = time.Second

// InSession runs do with a connection of the pool. A transaction that do leaves open is rolled back: in it a connection would keep its
// locks and its snapshot, and the next user of the pool would get it so.
func InSession(ctx context.Context, pool *sql.DB, do func(Session) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // gives it back
	var failed error
	err = conn.Raw(func(driverConn any) error {
		limited, ok := driverConn.(*limitedConn)
		if !ok {
			return fmt.Errorf("a connection is a %T", driverConn)
		}
		session := Session{limited}
		failed = do(session)
		session.end(ctx)
		if session.InTransaction() {
			return driver.ErrBadConn
		}
		return nil
	})
	return cmp.Or(failed, err)
}

// Begin is the text that begins a transaction that writes, with its limits.
func (s Session) Begin() string { return "BEGIN" + s.conn.write }

// BeginRead is the text that begins a transaction whose statements all see one state and write nothing, with its limits.
func (s Session) BeginRead() string { return beginRead + s.conn.read }

// Run sends statements, divided by semicolons, as one message of the simple protocol, which takes one round trip and passes pgbouncer.
// Each statement of a transaction has its own snapshot, but all have the same statement_timestamp(). Run returns the rows of those
// statements that return rows. After an error none of the statements behind it has run.
func (s Session) Run(ctx context.Context, statements string) ([]Rows, error) {
	conn := s.conn.Conn.Conn().PgConn()
	if conn.IsClosed() {
		return nil, driver.ErrBadConn
	}
	results := conn.Exec(ctx, statements)
	var all []Rows
	for results.NextResult() {
		reader := results.ResultReader()
		if columns := reader.FieldDescriptions(); len(columns) > 0 {
			rows := Rows{columns: slices.Clone(columns), types: s.conn.Conn.Conn().TypeMap()} // the reader uses its own again
			rows.values = reader.Read().Rows
			all = append(all, rows)
		}
	}
	return all, results.Close()
}

// end rolls back, if a transaction is open: also when ctx has ended.
func (s Session) end(ctx context.Context) {
	if !s.InTransaction() {
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = s.Run(limited, "ROLLBACK")
}

// InTransaction says whether the server is in a transaction, which may have failed.
func (s Session) InTransaction() bool {
	conn := s.conn.Conn.Conn().PgConn()
	return !conn.IsClosed() && conn.TxStatus() != 'I'
}

// Rows are the rows of one statement, as text. They are read while the session is held.
type Rows struct {
	columns []pgconn.FieldDescription
	values  [][][]byte
	types   *pgtype.Map
	first   int // column of a Part
}

// Len is how many rows there are.
func (r Rows) Len() int { return len(r.values) }

// Part is the rows from one to before another, and their columns from one on.
func (r Rows) Part(from, to, column int) Rows {
	return Rows{columns: r.columns, values: r.values[from:to], types: r.types, first: r.first + column}
}

// Null says whether a value is NULL.
func (r Rows) Null(row, column int) bool { return r.values[row][r.first+column] == nil }

// Scan reads the first columns of a row as pgx does, except that NULL leaves a value as it is.
func (r Rows) Scan(row int, dest ...any) error {
	for i, into := range dest {
		column, value := &r.columns[r.first+i], r.values[row][r.first+i]
		if value == nil || scanQuickly(value, into) {
			continue
		}
		if err := r.types.Scan(column.DataTypeOID, column.Format, value, into); err != nil {
			return fmt.Errorf("%s: %w", column.Name, err)
		}
	}
	return nil
}

// Each calls do for each value of a row: with the column's name, and nil for NULL.
func (r Rows) Each(row int, do func(column string, value []byte) error) error {
	for i, value := range r.values[row][r.first:] {
		if err := do(r.columns[r.first+i].Name, value); err != nil {
			return err
		}
	}
	return nil
}
