package schema

import (
	"context"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"
)

// bunTable is Bun's record of what was applied.
const bunTable = "bun_migrations"

// note is what the record says beyond Bun's. The program that applies a migration writes it, for those that do not know the migration.
type note struct {
	bun.BaseModel `bun:"table:migration_notes"`

	Name  string `bun:",pk"` // the number alone, as Bun has it
	Title string `bun:",notnull"`
	Needs string `bun:",notnull"` // the oldest migration that a program must know; "": this one
}

// State compares the database with the migrations of this program. It takes no lock and changes nothing.
func (s *Schema) State(ctx context.Context) (State, error) {
	var state State
	err := s.db.Read(ctx, func(ctx context.Context, conn bun.IDB) (err error) {
		state, err = s.read(ctx, conn)
		return err
	})
	return state, err
}

func (s *Schema) read(ctx context.Context, conn bun.IDB) (State, error) {
	var tables struct{ Record, Notes bool }
	if err := conn.NewRaw(s.db.Tables).Scan(ctx, &tables); err != nil {
		return nil, err
	}
	var applied migrate.MigrationSlice
	var notes []note
	if tables.Record {
		if err := conn.NewSelect().Model(&applied).ModelTableExpr(bunTable).ColumnExpr("*").Order("name").Scan(ctx); err != nil {
			return nil, err
		}
	}
	if tables.Notes {
		if err := conn.NewSelect().Model(&notes).Scan(ctx); err != nil {
			return nil, err
		}
	}
	return s.compare(applied, notes), nil
}

// compare puts what is known before what is not, which is newer.
func (s *Schema) compare(applied migrate.MigrationSlice, notes []note) (state State) {
	record := map[string]migrate.Migration{}
	for _, m := range applied {
		record[m.Name] = m
	}
	for _, step := range s.known {
		m := Migration{Name: step.String()}
		if r, ok := record[step.Name]; ok {
			m.AppliedAt, m.group = utc(r.MigratedAt), r.GroupID
		}
		state = append(state, m)
	}
	for _, r := range applied {
		if s.knows(r.Name) {
			continue
		}
		m := Migration{Name: r.Name, AppliedAt: utc(r.MigratedAt), Unknown: true, group: r.GroupID}
		for _, n := range notes {
			if n.Name == r.Name {
				m.Name, m.Needs, m.Compatible = n.Name+"_"+n.Title, n.Needs, s.knows(n.Needs)
			}
		}
		state = append(state, m)
	}
	return state
}

func utc(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}

// createRecord creates the tables of the record. Only one process may do so at a time.
func createRecord(ctx context.Context, conn bun.IDB) error {
	_, err := conn.NewCreateTable().Model((*migrate.Migration)(nil)).ModelTableExpr(bunTable).IfNotExists().Exec(ctx)
	if err == nil {
		_, err = conn.NewCreateTable().Model((*note)(nil)).IfNotExists().Exec(ctx)
	}
	return err
}

// mark records that a migration was applied.
func (s *Schema) mark(ctx context.Context, conn bun.IDB, step *migrate.Migration) error {
	if _, err := conn.NewInsert().Model(step).ModelTableExpr(bunTable).Exec(ctx); err != nil {
		return err
	}
	n := note{Name: step.Name, Title: step.Comment, Needs: s.needs[step.Name]}
	_, err := conn.NewInsert().Model(&n).On("CONFLICT (name) DO UPDATE").Set("title = excluded.title, needs = excluded.needs").Exec(ctx)
	return err
}

// unmark records that a migration was reverted.
func unmark(ctx context.Context, conn bun.IDB, step *migrate.Migration) error {
	if _, err := conn.NewDelete().Model((*note)(nil)).Where("name = ?", step.Name).Exec(ctx); err != nil {
		return err
	}
	_, err := conn.NewDelete().Model((*migrate.Migration)(nil)).ModelTableExpr(bunTable).Where("name = ?", step.Name).Exec(ctx)
	return err
}
