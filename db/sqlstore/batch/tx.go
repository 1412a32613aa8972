package batch

import (
	"context"

	"github.com/uptrace/bun"

	"studychat/db"
)

// roster is how many members are read: enough to see that there are more than the guard is told.
const roster = db.MaxGuardedMembers + 1

// Tx is the transaction of a batch. Its statements end with its limit.
type Tx interface {
	Within(limit context.Context)                      // bounds what follows
	Read(b *Batch) error                               // locks what the batch needs, and reads it into b
	Stored(ids []string) ([]*db.Message, error)        // messages that were stored before
	Store(messages []*db.Message, chats []*Chat) error // by now, or with Commit
	Commit() error
	Rollback() error
}

// selectStored reads messages by their ids.
func selectStored(conn *bun.DB, messages *[]*db.Message, ids []string) *bun.SelectQuery {
	return conn.NewSelect().Model(messages).Where("id IN (?)", bun.List(ids))
}
