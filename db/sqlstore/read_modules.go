package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// moduleHead is a Module without its content.
var moduleHead = []string{"id", "title", "updated_at"}

// Modules implements db.Repository: two statements in one snapshot.
func (s reads) Modules(ctx context.Context, page db.Page) (*db.ModuleList, error) {
	list := &db.ModuleList{Modules: []*db.Module{}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return tx.NewSelect().Model((*db.Module)(nil)) }
		upTo := func(q *bun.SelectQuery, k *db.Key) *bun.SelectQuery {
			return q.ColumnExpr("1").Where("(mo.title, mo.id) <= (?, ?)", k.Title, k.ID)
		}
		from := func(q *bun.SelectQuery, k *db.Key) *bun.SelectQuery {
			return q.ColumnExpr("1").Where("(mo.title, mo.id) >= (?, ?)", k.Title, k.ID)
		}
		var beyond outside
		q := tx.NewSelect().ColumnExpr("1 AS one")
		if err := selectOutside(q, page, rows, upTo, from).Scan(ctx, &beyond); err != nil {
			return err
		}
		if err := moduleWindow(rows().Column(moduleHead...), page).Scan(ctx, &list.Modules); err != nil {
			return err
		}
		list.Modules, list.HasPrev, list.HasNext = cut(page, list.Modules, beyond)
		return nil
	})
	return list, err
}

func moduleWindow(q *bun.SelectQuery, p db.Page) *bun.SelectQuery {
	if p.After != nil {
		q = q.Where("(mo.title, mo.id) > (?, ?)", p.After.Title, p.After.ID)
	}
	if p.Before != nil {
		q = q.Where("(mo.title, mo.id) < (?, ?)", p.Before.Title, p.Before.ID)
	}
	if p.Backward {
		return q.OrderExpr("mo.title DESC, mo.id DESC").Limit(limitOf(p))
	}
	return q.OrderExpr("mo.title, mo.id").Limit(limitOf(p))
}

// ModulesByID implements db.Repository.
func (s reads) ModulesByID(ctx context.Context, ids []string) (map[string]*db.Module, error) {
	rows, err := s.modules(ctx, ids, moduleHead)
	return byKey(rows, func(m *db.Module) (string, *db.Module) { return m.ID, m }), err
}

// ModuleContents implements db.Repository.
func (s reads) ModuleContents(ctx context.Context, ids []string) (map[string]string, error) {
	rows, err := s.modules(ctx, ids, []string{"id", "content"})
	return byKey(rows, func(m *db.Module) (string, string) { return m.ID, m.Content }), err
}

func (s reads) modules(ctx context.Context, ids, columns []string) ([]*db.Module, error) {
	return rowsOf[*db.Module](ctx, s, ids, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Model((*db.Module)(nil)).Column(columns...).Where("mo.id IN (?)", bun.List(ids))
	})
}
