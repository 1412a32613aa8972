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

// direction has the conditions that compare the columns of a keyset with a row's key.
type direction struct{ earlier, upTo, later, from string }

var (
	ascending  = direction{earlier: "(?) < (?)", upTo: "(?) <= (?)", later: "(?) > (?)", from: "(?) >= (?)"}
	descending = direction{earlier: "(?) > (?)", upTo: "(?) >= (?)", later: "(?) < (?)", from: "(?) <= (?)"}
)

// keyset is the order of a list: by columns whose values are the keys of its rows.
type keyset struct {
	columns []bun.Ident
	values  func(*db.Key) []any
	direction
}

// window narrows the whole list to the window of a page.
func (k keyset) window(q *bun.SelectQuery, p db.Page) *bun.SelectQuery {
	if p.After != nil {
		q = k.where(q, k.later, p.After)
	}
	if p.Before != nil {
		q = k.where(q, k.earlier, p.Before)
	}
	return q
}

// selectOutside adds the columns of outside. rows selects the whole list.
func (k keyset) selectOutside(q *bun.SelectQuery, p db.Page, rows func() *bun.SelectQuery) *bun.SelectQuery {
	if p.After != nil {
		q = q.ColumnExpr("EXISTS (?) AS rows_before", k.where(rows(), k.upTo, p.After))
	}
	if p.Before != nil {
		q = q.ColumnExpr("EXISTS (?) AS rows_after", k.where(rows(), k.from, p.Before))
	}
	return q
}

func (k keyset) where(q *bun.SelectQuery, condition string, key *db.Key) *bun.SelectQuery {
	return q.Where(condition, bun.List(k.columns), bun.List(k.values(key)))
}

// part narrows the whole list to the rows to read for a page, for cut: one more than the page may have, in the direction of paging.
func (k keyset) part(q *bun.SelectQuery, p db.Page) *bun.SelectQuery {
	for _, column := range k.columns {
		if p.Backward == (k.direction == ascending) {
			q = q.OrderExpr("? DESC", column)
		} else {
			q = q.OrderExpr("?", column)
		}
	}
	return k.window(q, p).Limit(int64(p.Limit) + 1)
}

// readPart reads the part of a list into a slice, in two statements. rows selects the whole list.
func (k keyset) readPart(ctx context.Context, tx bun.Tx, p db.Page, rows func() *bun.SelectQuery, part any) (beyond outside, epoch int64, err error) {
	var meta struct {
		Epoch int64
		outside
	}
	err = k.selectOutside(tx.NewSelect().TableExpr("stream_meta").Column("epoch"), p, rows).Scan(ctx, &meta)
	if err == nil {
		err = k.part(rows(), p).Scan(ctx, part)
	}
	return meta.outside, meta.Epoch, err
}

// moduleHead is a Module without its content.
var moduleHead = []string{"id", "title", "updated_at"}

var moduleKeys = keyset{[]bun.Ident{"mo.title", "mo.id"}, func(k *db.Key) []any { return []any{k.Title, k.ID} }, ascending}

// Modules implements db.Repository: two statements in one snapshot.
func (s reads) Modules(ctx context.Context, page db.Page) (*db.ModuleList, error) {
	list := &db.ModuleList{Modules: []*db.Module{}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return tx.NewSelect().Model((*db.Module)(nil)).Column(moduleHead...) }
		beyond, _, err := moduleKeys.readPart(ctx, tx, page, rows, &list.Modules)
		list.Modules, list.HasPrev, list.HasNext = cut(page, list.Modules, beyond)
		return err
	})
	return list, err
}
