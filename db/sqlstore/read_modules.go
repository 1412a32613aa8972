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
	if err != nil {
		return nil, err
	}
	return list, nil
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
	return modulesByID(ctx, s, ids, moduleHead, func(m *db.Module) *db.Module { return m })
}

// ModuleContents implements db.Repository.
func (s reads) ModuleContents(ctx context.Context, ids []string) (map[string]string, error) {
	return modulesByID(ctx, s, ids, []string{"id", "content"}, func(m *db.Module) string { return m.Content })
}

func modulesByID[T any](ctx context.Context, s reads, ids, columns []string, value func(*db.Module) T) (map[string]T, error) {
	found := make(map[string]T, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		var rows []*db.Module
		err := conn.NewSelect().Model(&rows).Column(columns...).Where("mo.id IN (?)", bun.List(ids)).Scan(ctx)
		for _, m := range rows {
			found[m.ID] = value(m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
