package main

import (
	"fmt"
	"slices"
	"strings"

	"studychat/test/torture"
)

// promise is a promise of the README, with the checks that test it.
type promise struct {
	text   string
	bounds string
	checks []string
}

var promises = []promise{
	{
		text:   "Nothing acknowledged is lost",
		bounds: "None. A write whose outcome is unknown is answered with UNAVAILABLE: a retry with the same id returns the outcome",
		checks: []string{"instance-kill9", "postgres-kill9", "every-part", "vanished-writer", "late-commit", "idempotent-send"},
	},
	{
		text:   "No event of a chat is missed, doubled or reordered",
		bounds: "None. A StreamReset announces events that can no longer be delivered",
		checks: []string{
			"redis-kill", "redis-stop", "client-kill-pubsub", "output-buffer", "redis-blackhole", "never-published", "instance-kill9", "postgres-kill9", "every-part",
			"database-hang", "clock-skew", "subscribe-race", "acceptance", "start-cut", "start-kill9", "cursor-bounds", "membership", "stalled-readers",
		},
	},
	{
		text: "The feed of all chats delivers every event at least once, and each chat's events in order",
		bounds: "A resumed feed repeats events stamped up to 5 s before its cursor, or since the oldest transaction that was writing then began. " +
			"The database's clock may be set back by up to 5 s",
		checks: []string{"feed-join", "feed-cuts", "rejoin", "late-commit", "clock-skew", "database-hang", "start-cut", "membership", "redis-kill", "redis-stop", "instance-kill9"},
	},
	{
		text:   "Redis may die at any moment",
		bounds: "Events take up to 1 s while it hangs (3 s at instances that only subscribe), and 6 s from a writer that was killed before it published. A call takes 100 ms longer until the breaker opens",
		checks: []string{"redis-kill", "redis-stop", "client-kill-pubsub", "output-buffer", "redis-blackhole", "never-published", "redis-down-latency", "cache-redis-kill", "cache-hang", "requirepass", "cache-requirepass"},
	},
	{
		text: "A read that begins after a write was answered sees the write, and removed members see nothing",
		bounds: "None while Redis works, is killed or is emptied. 2 s when it hangs, when one instance alone is separated from it, and when it begins to refuse connections. " +
			"An instance without an answer from the database for 2 s does not use the cache",
		checks: []string{"cache-linearizable", "cache-redis-kill", "cache-flush", "cache-hang", "cache-partition", "half-partition", "requirepass", "cache-requirepass", "membership"},
	},
	{
		text:   "A fault of one chat, one instance or one client does not affect the others",
		bounds: "A chat whose writer vanished with its host can be written to again after 15 s",
		checks: []string{"stuck-chat", "vanished-writer", "stalled-readers", "slowloris", "http2-abuse", "herd"},
	},
	{
		text:   "A database that does not answer never ends a stream",
		bounds: "The stream is silent meanwhile, or breaks in a way that makes clients resume from their cursor",
		checks: []string{"database-hang", "postgres-kill9"},
	},
	{
		text:   "Retries are safe, and one id names one object",
		bounds: "None while the object of the id is retained",
		checks: []string{"idempotent-send", "one-id", "instance-kill9"},
	},
	{
		text:   "The checks themselves can fail",
		bounds: "",
		checks: []string{"controls"},
	},
}

// promisesTable returns the checks under which each promise held in this run, and its bounds.
func promisesTable(lines []torture.Line) string {
	var b strings.Builder
	b.WriteString("| promise | held under | bounds |\n|---|---|---|\n")
	for _, p := range promises {
		var seen []string
		for _, check := range p.checks {
			seen = append(seen, seenUnder(lines, check))
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.text, strings.Join(seen, ", "), p.bounds)
	}
	return b.String()
}

func seenUnder(lines []torture.Line, check string) string {
	i := slices.IndexFunc(lines, func(l torture.Line) bool { return l.Check == check })
	switch {
	case i < 0:
		return check + " (**not run**)"
	case !lines[i].OK:
		return fmt.Sprintf("[%s](#%s) (**failed**)", check, check)
	}
	return fmt.Sprintf("[%s](#%s)", check, check)
}
