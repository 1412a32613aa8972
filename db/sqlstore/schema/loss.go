package schema

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/uptrace/bun"
)

// Loss is what Down would revert, newest first, and destroy.
type Loss struct {
	Migrations []string
	Destroys   []string // such as "table chats, 12 rows"
}

var (
	comments  = regexp.MustCompile(`(?m)--.*$`)
	dropTable = regexp.MustCompile(`^DROP TABLE IF EXISTS (\w+)$`)
)

// manyRows is where the rows of a table are no longer counted.
const manyRows = 100_000

// Loss says what Down would do. Errors: those of Down.
func (s *Schema) Loss(ctx context.Context) (Loss, error) {
	var loss Loss
	steps, err := s.last(ctx)
	if err != nil {
		return loss, err
	}
	for _, step := range steps {
		loss.Migrations = append(loss.Migrations, step.String())
		down, err := s.text(step, "down")
		if err != nil {
			return loss, err
		}
		for statement := range strings.SplitSeq(comments.ReplaceAllString(down, ""), ";") {
			statement = strings.Join(strings.Fields(statement), " ")
			if statement == "" || strings.HasPrefix(statement, "SELECT ") { // SQLite has nothing to do for some migrations
				continue
			}
			what, err := s.describe(ctx, statement)
			if err != nil {
				return loss, err
			}
			loss.Destroys = append(loss.Destroys, what)
		}
	}
	return loss, nil
}

// describe says what a statement destroys.
func (s *Schema) describe(ctx context.Context, statement string) (what string, err error) {
	table := dropTable.FindStringSubmatch(statement)
	if table == nil {
		return statement, nil
	}
	var rows int
	err = s.db.Read(ctx, func(ctx context.Context, conn bun.IDB) error {
		return conn.NewRaw("SELECT COUNT(*) FROM (SELECT 1 FROM ? LIMIT ?) AS few", bun.Ident(table[1]), manyRows).Scan(ctx, &rows)
	})
	switch rows {
	case manyRows:
		what = fmt.Sprintf("table %s, %d rows or more", table[1], rows)
	case 1:
		what = fmt.Sprintf("table %s, 1 row", table[1])
	default:
		what = fmt.Sprintf("table %s, %d rows", table[1], rows)
	}
	return what, err
}
