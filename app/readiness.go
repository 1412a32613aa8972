package app

import (
	"context"
	"time"

	"studychat/db/sqlstore"
	"studychat/transport"
)

// readiness reports the state of all parts. The server is not ready without its database, or with a clock that is off by more than
// MaxClockOffset; without Redis it is.
func readiness(store *sqlstore.Store, r remote) func(context.Context) transport.Readiness {
	return func(ctx context.Context) transport.Readiness {
		out := transport.Readiness{Ready: true, Parts: map[string]string{"database": "ok", "clock": "ok"}}
		if err := store.Ping(ctx); err != nil {
			out.Ready, out.Parts["database"] = false, "down"
		}
		if offset := store.ClockOffset(); offset.Abs() > sqlstore.ClockWarning {
			out.Ready = out.Ready && offset.Abs() <= sqlstore.MaxClockOffset
			out.Parts["clock"] = "off by " + offset.Abs().Round(time.Second).String()
		}
		switch {
		case r.conn == nil:
			out.Parts["redis"] = "not configured"
		case r.conn.Cache.Health.OK():
			out.Parts["redis"] = "ok"
		default:
			out.Parts["redis"] = "degraded"
		}
		return out
	}
}
