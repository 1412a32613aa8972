package sqlstore

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"studychat/db"
)

// reads is the part of the Store that viewers ask. Each method checks membership in its statement or snapshot.
type reads struct{ *database }

// A page is part of a window of an ordered list: the rows between After and Before. One row more than asked for tells whether the
// window has more rows; EXISTS tells whether the list has rows outside of the window.

// limitOf is how many rows to read for a page: one more than the page may have.
func limitOf(p db.Page) int64 { return int64(p.Limit) + 1 }

// cut makes a page of rows that were read in the direction of paging: it brings them into the list's order and says whether the list
// has rows before and after them. outside says whether it has rows before and after the window.
func cut[T any](p db.Page, rows []T, outside outside) (page []T, hasPrev, hasNext bool) {
	more := len(rows) > p.Limit
	if more {
		rows = rows[:p.Limit]
	}
	if !p.Backward {
		return rows, outside.Before, outside.After || more
	}
	slices.Reverse(rows)
	return rows, outside.Before || more, outside.After
}

// outside says whether a list has rows before and after the window of a page, the rows of the cursors included.
type outside struct {
	Before bool `bun:"rows_before"`
	After  bool `bun:"rows_after"`
}

// selectOutside adds the columns of outside. rows selects the whole list; upTo and from narrow it to the rows up to a page's After
// and from its Before on.
func selectOutside(q *bun.SelectQuery, p db.Page, rows func() *bun.SelectQuery, upTo, from func(*bun.SelectQuery, *db.Key) *bun.SelectQuery) *bun.SelectQuery {
	if p.After != nil {
		q = q.ColumnExpr("EXISTS (?) AS rows_before", upTo(rows(), p.After))
	}
	if p.Before != nil {
		q = q.ColumnExpr("EXISTS (?) AS rows_after", from(rows(), p.Before))
	}
	return q
}

// rowsOf reads rows in one statement. Without ids there is nothing to read.
func rowsOf[R any](ctx context.Context, s reads, ids []string, build func(q *bun.SelectQuery) *bun.SelectQuery) (rows []R, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error { return build(conn.NewSelect()).Scan(ctx, &rows) })
	return rows, err
}

// byKey makes a map of rows.
func byKey[R, V any](rows []R, entry func(R) (string, V)) map[string]V {
	found := make(map[string]V, len(rows))
	for _, row := range rows {
		key, value := entry(row)
		found[key] = value
	}
	return found
}
