package sqlstore

import (
	"context"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/sqlite"
)

// ReportOutage tells all instances that the writes of this one do not reach the cache. It counts after in, and ends after
// lasts unless this is called again before; that does not change when it began. Errors: UNAVAILABLE.
func (s *heartbeat) ReportOutage(ctx context.Context, instance string, in, lasts time.Duration) error {
	return s.tell(ctx, `INSERT INTO cache_outages (instance, since, until) VALUES (?0, ?1, ?2)
ON CONFLICT (instance) DO UPDATE SET until = excluded.until`, instance, s.stampIn(in), s.stampIn(lasts))
}

// EndOutage takes the notice of this instance back: what its writes replaced is out of the cache. Errors: UNAVAILABLE.
func (s *heartbeat) EndOutage(ctx context.Context, instance string) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ?", instance)
}

// ForgetOutage takes away the notice of another instance, unless that one has renewed it since. Errors: UNAVAILABLE.
func (s *heartbeat) ForgetOutage(ctx context.Context, outage db.Outage) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ? AND until = ?", outage.Instance, outage.Until)
}

// tell changes what others learn by their pulse. It does not wait for the pool: that may be empty because all connections wait
// for one lock.
func (s *heartbeat) tell(ctx context.Context, statement string, args ...any) error {
	limited, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	conn := s.vitals
	if s.dialect == SQLite {
		conn = s.writer
	}
	err := sqlite.UntilFree(limited, func() error {
		_, err := conn.NewRaw(statement, args...).Exec(limited)
		return err
	})
	return s.fail(ctx, err)
}
