package sqlstore_test

import (
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/db/sqlstore"
)

func TestSuiteSQLiteFile(t *testing.T) {
	t.Parallel()
	store := openStore(t, sqliteFile(t), sqlstore.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}

func TestSuiteSQLiteMemory(t *testing.T) {
	t.Parallel()
	if raced {
		t.Skip("the detector sees the same code with a file: make test runs this without it")
	}
	store := openStore(t, "sqlite::memory:", sqlstore.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}

func TestSuitePostgres(t *testing.T) {
	t.Parallel()
	store := openStore(t, postgres(t), sqlstore.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}
