package sqlstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/identity"
)

// upkeep is the part of the Store that keeps the log short and its history told apart.
type upkeep struct {
	*transactions
	identity     identity.Reader
	unidentified sync.Once // logs that the server does not allow it to be identified
}

// streamMeta is the one row that names the history in which the numbers of all chats count.
type streamMeta struct {
	bun.BaseModel `bun:"table:stream_meta"`

	Epoch       int64
	Fingerprint string // the identity of the database that the epoch was last checked against; "" before the first check
	DatabaseID  string // db.Pulse.Database
}

// CheckEpoch raises the epoch when the database is not the one of the last check: it was restored from a dump, recovered to a point
// in time, or is a promoted standby. Each of these may have lost events that clients have cursors of. Call it at the start, after
// MigrateUp, and then every few seconds, because a promotion does not restart the server. Instances that notice at the same time
// raise it once. Those that the server tells less about itself compare what they know, and what one learns for the first time is
// no other history.
//
// BumpEpoch is for what it cannot see: files that were put back (a copy of the data directory or of a disk that starts without
// recovery, SQLite's file), and rows restored into existing tables. On SQLite it only reads.
// Errors: UNAVAILABLE.
func (s *upkeep) CheckEpoch(ctx context.Context) (epoch int64, raised bool, err error) {
	if !s.traits.identified {
		meta, err := s.readMeta(ctx)
		return meta.Epoch, false, err
	}
	found, err := s.identify(ctx)
	if err != nil {
		return 0, false, err
	}
	meta, err := s.readMeta(ctx)
	stored := identity.Parse(meta.Fingerprint)
	differs := stored.Differs(found)
	if err != nil || !differs && stored.Adopt(found) == stored {
		return meta.Epoch, false, err
	}
	var notice string
	if differs {
		if notice, err = s.announceEpoch(ctx); err != nil {
			return 0, false, err
		}
	}
	before, after, err := s.changeMeta(ctx, func(ctx context.Context, tx bun.Tx, meta streamMeta) (streamMeta, error) {
		// Ask again: another instance may have been faster, and the answer has to come from the server that is written to.
		found, err := s.identity.ReadAgain(ctx, tx)
		if err != nil {
			return meta, err
		}
		stored := identity.Parse(meta.Fingerprint)
		if !stored.Differs(found) {
			meta.Fingerprint = stored.Adopt(found).String()
			return meta, nil
		}
		meta.Fingerprint = found.String()
		return s.nextEpoch(ctx, tx, meta, notice)
	})
	if err != nil {
		return 0, false, err
	}
	raised = after.Epoch != before.Epoch
	if notice != "" && !raised { // another instance was faster
		_ = s.endOutage(context.WithoutCancel(ctx), notice) // else it runs out
	}
	if raised {
		s.log.WarnContext(ctx, "the database was restored or promoted: streams start over in a new epoch",
			"was", before.Fingerprint, "is", after.Fingerprint, "epoch", after.Epoch)
	}
	return after.Epoch, raised, nil
}

// BumpEpoch raises the epoch. It is for operators who have restored a database in a way that CheckEpoch does not see. It takes
// db.PulseAge. Errors: UNAVAILABLE.
func (s *upkeep) BumpEpoch(ctx context.Context) (before, after int64, err error) {
	return s.BumpEpochAbove(ctx, 0)
}

// BumpEpochAbove raises the epoch above that of the history which this one replaces, too. Errors: UNAVAILABLE.
func (s *upkeep) BumpEpochAbove(ctx context.Context, replaced int64) (before, after int64, err error) {
	notice, err := s.announceEpoch(ctx)
	if err != nil {
		return 0, 0, err
	}
	was, is, err := s.changeMeta(ctx, func(ctx context.Context, tx bun.Tx, meta streamMeta) (streamMeta, error) {
		next := meta
		next.Epoch = max(meta.Epoch, replaced)
		return s.nextEpoch(ctx, tx, next, notice)
	})
	return was.Epoch, is.Epoch, err
}

// announceEpoch returns when no instance uses the cache any more. The id of the database names the keys of the cache, and instances learn a
// new id one after the other: one that writes under the new id does not remove what another one still serves under the old id. If the
// epoch does not rise after all, the notice runs out as that of an instance that is gone.
func (s *upkeep) announceEpoch(ctx context.Context) (notice string, err error) {
	notice = "new epoch " + rand.Text()
	if err := s.reportOutage(ctx, notice, 0, db.PulseAge+MaxTransaction); err != nil {
		return "", err
	}
	select { // what the database said before the notice is no longer relied on
	case <-time.After(db.PulseAge):
		return notice, nil
	case <-ctx.Done():
		return "", db.Unavailable(ctx.Err())
	}
}

// nextEpoch begins an epoch, and renews the database's id. The epoch is the time in seconds, so that no epoch is ever used twice: a
// restored database does not know the epochs that came after its dump. Counting on from the dump's epoch would give two histories one
// number, and cursors of the lost one would be accepted for the new one.
//
// The notice of announceEpoch stands until the transaction commits. If it is gone before, this process was frozen for too long.
func (s *upkeep) nextEpoch(ctx context.Context, tx bun.Tx, meta streamMeta, notice string) (streamMeta, error) {
	stood, err := affected(tx.NewRaw("DELETE FROM cache_outages WHERE instance = ?", notice).Exec(ctx))
	if err == nil && stood == 0 {
		err = db.Unavailable(errNotAnnounced)
	}
	meta.Epoch, meta.DatabaseID = max(meta.Epoch+1, s.Now().Unix()), strings.ToLower(rand.Text()[:16])
	return meta, err
}

var errNotAnnounced = errors.New("a new epoch was not announced, or too long ago")

// DatabaseID returns db.Pulse.Database before the first pulse. Errors: UNAVAILABLE.
func (s *upkeep) DatabaseID(ctx context.Context) (string, error) {
	meta, err := s.readMeta(ctx)
	return meta.DatabaseID, err
}

// identify reads what the server tells about its identity. A standby does not tell its timeline: it is asked again once it is promoted.
func (s *upkeep) identify(ctx context.Context) (found identity.Identity, err error) {
	err = s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		found, err = s.identity.Read(ctx, conn)
		return err
	})
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "55000" {
		return found, db.Unavailable(err)
	}
	if said := s.identity.Refusal(); said != "" {
		s.unidentified.Do(func() {
			s.log.WarnContext(ctx, "the server does not say which it is: a promotion will not be noticed, see `studychat epoch bump`", "refused", said)
		})
	}
	return found, err
}

func (s *database) readMeta(ctx context.Context) (streamMeta, error) {
	var meta streamMeta
	err := s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
		return conn.NewSelect().Model(&meta).Scan(ctx)
	})
	s.sawEpoch(meta.Epoch)
	return meta, err
}

// changeMeta replaces stream_meta. Only one instance does so at a time: PostgreSQL has an advisory lock for it, and SQLite one writer.
// It tells no guard, because cached bodies have their epoch.
func (s *upkeep) changeMeta(ctx context.Context, change func(context.Context, bun.Tx, streamMeta) (streamMeta, error)) (before, after streamMeta, err error) {
	limit, cancel := context.WithTimeout(ctx, MaxTransaction)
	defer cancel()
	err = s.runWithRetry(limit, metaKey, nil, func() (err error) {
		before, after, err = s.tryChangeMeta(limit, change)
		return err
	})
	if err == nil {
		s.sawEpoch(after.Epoch)
	}
	return before, after, s.failWriting(ctx, err)
}

func (s *upkeep) tryChangeMeta(ctx context.Context, change func(context.Context, bun.Tx, streamMeta) (streamMeta, error)) (before, after streamMeta, err error) {
	tx, err := s.begin(ctx, ctx)
	if err != nil {
		return before, after, err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after COMMIT
	if s.traits.lock != "" {
		if _, err := tx.NewRaw(s.traits.lock, postgresEpochKey).Exec(ctx); err != nil {
			return before, after, err
		}
	}
	if err := tx.NewSelect().Model(&before).Scan(ctx); err != nil {
		return before, after, err
	}
	if after, err = change(ctx, tx, before); err != nil || after == before {
		return before, after, err
	}
	if _, err := tx.NewUpdate().Model(&after).Column("epoch", "fingerprint", "database_id").Where("id = 1").Exec(ctx); err != nil {
		return before, after, err
	}
	return before, after, tx.Commit()
}
