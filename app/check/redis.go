package check

import (
	"context"
	"log/slog"

	"studychat/config"
	"studychat/redisconn"
)

// redis tries each use of Redis. Without Redis everything works, so nothing here is wrong; but the operator who set REDIS_URL wants it.
func redis(ctx context.Context, settings config.Settings, _ *slog.Logger) (r Report) {
	if settings.Redis.Server == nil {
		r.add("redis", OK, "not configured: no cache, and events of other instances are found in the database")
		return r
	}
	client := settings.Redis.Server.BusClient()
	defer client.Close() //nolint:errcheck // nothing is unsaved
	missing := false
	for _, a := range redisconn.Abilities(ctx, client, settings.Redis.Prefix) {
		switch part := "redis " + a.Name; {
		case a.OK && a.Name == "connection":
			r.add(part, OK, settings.Redis.Server.Describe())
		case a.OK:
			r.add(part, OK, "allowed")
		default:
			missing = missing || a.Grant != ""
			r.add(part, Degraded, a.Lost+": "+explain(a.Err), grant(a)...)
		}
	}
	if missing {
		r.add("redis user", Degraded, "a user that may do all that is needed, and nothing else, is made by:", settings.Redis.Server.ACLLine(settings.Redis.Prefix))
	}
	return r
}

func grant(a redisconn.Ability) []string {
	if a.Grant == "" {
		return nil
	}
	return []string{a.Grant}
}
