package db_test

import (
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
)

func TestSuiteSQLiteFile(t *testing.T) {
	t.Parallel()
	store := openStore(t, sqliteFile(t), db.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}

func TestSuiteSQLiteMemory(t *testing.T) {
	t.Parallel()
	store := openStore(t, "sqlite::memory:", db.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}

func TestSuitePostgres(t *testing.T) {
	t.Parallel()
	store := openStore(t, postgres(t), db.OpenOptions{})
	dbtest.Run(t, func(*testing.T) db.Repository { return store })
}
