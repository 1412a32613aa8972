package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Session is a connection of the pool that somebody has for themselves. It sends several statements at once.
type Session struct{ conn *limitedConn }

// SessionOf returns the session of a connection that sql.Conn.Raw has given.
func SessionOf(driverConn any) (Session, error) {
	conn, ok := driverConn.(*limitedConn)
	if !ok {
		return Session{}, fmt.Errorf("a connection is a %T", driverConn)
	}
	return Session{conn}, nil
}

// Begin is the text that begins a transaction that writes, with its limits.
func (s Session) Begin() string { return "BEGIN" + s.conn.write }

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
}

// Len is how many rows there are.
func (r Rows) Len() int { return len(r.values) }

// Scan reads a row as pgx does, except that NULL leaves a value as it is.
func (r Rows) Scan(row int, dest ...any) error {
	for i, value := range r.values[row] {
		if value == nil {
			continue
		}
		if err := r.types.Scan(r.columns[i].DataTypeOID, r.columns[i].Format, value, dest[i]); err != nil {
			return fmt.Errorf("%s: %w", r.columns[i].Name, err)
		}
	}
	return nil
}

// Each calls do for each value of a row: with the column's name, and nil for NULL.
func (r Rows) Each(row int, do func(column string, value []byte) error) error {
	for i, value := range r.values[row] {
		if err := do(r.columns[i].Name, value); err != nil {
			return err
		}
	}
	return nil
}
