package db

import (
	"context"

	"github.com/uptrace/bun"
)

// moduleHead is a Module without its content.
var moduleHead = []string{"id", "title", "updated_at"}

// Modules implements ModuleRepository: two statements in one snapshot.
func (s *Store) Modules(ctx context.Context, page Page) (*ModuleList, error) {
	list := &ModuleList{Modules: []*Module{}}
	err := s.snapshot(ctx, func(ctx context.Context, tx bun.Tx) error {
		rows := func() *bun.SelectQuery { return tx.NewSelect().Model((*Module)(nil)) }
		upTo := func(q *bun.SelectQuery, k *Key) *bun.SelectQuery {
			return q.ColumnExpr("1").Where("(mo.title, mo.id) <= (?, ?)", k.Title, k.ID)
		}
		from := func(q *bun.SelectQuery, k *Key) *bun.SelectQuery {
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

func moduleWindow(q *bun.SelectQuery, p Page) *bun.SelectQuery {
	if p.After != nil {
		q = q.Where("(mo.title, mo.id) > (?, ?)", p.After.Title, p.After.ID)
	}
	if p.Before != nil {
		q = q.Where("(mo.title, mo.id) < (?, ?)", p.Before.Title, p.Before.ID)
	}
	if p.Backward {
		return q.OrderExpr("mo.title DESC, mo.id DESC").Limit(p.limit())
	}
	return q.OrderExpr("mo.title, mo.id").Limit(p.limit())
}

// ModulesByID implements ModuleRepository.
func (s *Store) ModulesByID(ctx context.Context, ids []string) (map[string]*Module, error) {
	return modulesByID(ctx, s, ids, moduleHead, func(m *Module) *Module { return m })
}

// ModuleContents implements ModuleRepository.
func (s *Store) ModuleContents(ctx context.Context, ids []string) (map[string]string, error) {
	return modulesByID(ctx, s, ids, []string{"id", "content"}, func(m *Module) string { return m.Content })
}

func modulesByID[T any](ctx context.Context, s *Store, ids, columns []string, value func(*Module) T) (map[string]T, error) {
	found := make(map[string]T, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := s.query(ctx, func(ctx context.Context, db bun.IDB) error {
		var rows []*Module
		err := db.NewSelect().Model(&rows).Column(columns...).Where("mo.id IN (?)", bun.List(ids)).Scan(ctx)
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

// PutModule implements ModuleRepository.
func (s *Store) PutModule(ctx context.Context, module Module) (*Module, error) {
	err := s.change(ctx, moduleLane(module.ID), `INSERT INTO modules (id, title, content, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET title = excluded.title, content = excluded.content, updated_at = excluded.updated_at
WHERE modules.title <> excluded.title OR modules.content <> excluded.content`,
		module.ID, module.Title, module.Content, s.Now())
	if err != nil {
		return nil, err
	}
	found, err := s.ModulesByID(ctx, []string{module.ID})
	if err == nil && found[module.ID] == nil {
		err = NotFound("module") // deleted at this very moment
	}
	return found[module.ID], err
}

// DeleteModule implements ModuleRepository.
func (s *Store) DeleteModule(ctx context.Context, id string) error {
	return s.change(ctx, moduleLane(id), "DELETE FROM modules WHERE id = ?", id)
}
