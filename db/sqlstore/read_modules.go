package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// moduleHead is a Module without its content.
var moduleHead = []string{"id", "title", "updated_at"}

var moduleKeys = keyset{[]string{"mo.title", "mo.id"}, func(k *db.Key) []any { return []any{k.Title, k.ID} }, "<", ">"}

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
