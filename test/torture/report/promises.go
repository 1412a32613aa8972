package main

import (
	"fmt"
	"slices"
	"strings"

	"studychat/test/torture"
)

// promise is one of the README's, with the checks that try it.
type promise struct {
	text   string
	bounds string
	checks []string
}

var promises = []promise{
	{
		text:   "Nothing acknowledged is lost",
		bounds: "None. A write whose outcome is unknown is answered with UNAVAILABLE: repeated with its id, it finds out",
		checks: []string{"instance-kill9", "postgres-kill9", "vanished-writer", "late-commit", "idempotent-send"},
	},
	{
		text:   "No event of a chat is missed, doubled or reordered",
		bounds: "None. What can no longer be told is named by a StreamReset",
		checks: []string{
			"redis-kill", "redis-stop", "client-kill-pubsub", "output-buffer", "redis-blackhole", "never-published", "instance-kill9", "postgres-kill9",
			"database-hang", "clock-skew", "subscribe-race", "acceptance", "start-cut", "start-kill9", "cursor-bounds", "membership", "stalled-readers",
		},
	},
	{
		text: "The feed of all chats tells every event at least once, and each chat's events in order",
		bounds: "A resumed feed repeats what was stamped in the 5 s before its cursor, or since the beginning of the oldest transaction that was writing then. " +
			"The database's clock may be set back by up to 5 s",
		checks: []string{"feed-join", "feed-cuts", "rejoin", "late-commit", "clock-skew", "database-hang", "start-cut", "membership", "redis-kill", "redis-stop", "instance-kill9"},
	},
	{
		text:   "Redis may die at any moment",
		bounds: "Events take up to 1 s while it hangs (3 s for those who only listen), 6 s from a writer that was killed before it published. A call takes 100 ms longer until Redis is known to be down",
		checks: []string{"redis-kill", "redis-stop", "client-kill-pubsub", "output-buffer", "redis-blackhole", "never-published", "redis-down-latency", "cache-redis-kill", "cache-hang", "requirepass", "cache-requirepass"},
	},
	{
		text: "A read that begins after a write was answered sees it, and who was removed sees nothing",
		bounds: "None while Redis works, is killed or is emptied. 2 s when it hangs, when an instance is cut off from it and the others are not, and when it begins to refuse. " +
			"An instance that hears nothing from the database for 2 s does not use the cache",
		checks: []string{"cache-linearizable", "cache-redis-kill", "cache-flush", "cache-hang", "cache-partition", "half-partition", "requirepass", "cache-requirepass", "membership"},
	},
	{
		text:   "A fault of one chat, one instance or one client costs the others nothing",
		bounds: "A chat whose writer vanished with its host can be written to again after 15 s",
		checks: []string{"stuck-chat", "vanished-writer", "stalled-readers", "slowloris", "http2-abuse", "herd"},
	},
	{
		text:   "A stream is never ended by a database that does not answer",
		bounds: "It is silent meanwhile, or breaks in a way that makes clients come back with their cursor",
		checks: []string{"database-hang", "postgres-kill9"},
	},
	{
		text:   "Retries are safe, and one id is one object",
		bounds: "None while what the id named is kept",
		checks: []string{"idempotent-send", "one-id", "instance-kill9"},
	},
	{
		text:   "The checks themselves can fail",
		bounds: "",
		checks: []string{"controls"},
	},
}

// promisesTable says for each promise under which checks it was seen to hold in this run, and its bounds.
func promisesTable(lines []torture.Line) string {
	var b strings.Builder
	b.WriteString("| promise | seen to hold under | bounds |\n|---|---|---|\n")
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
		return check + " (**not tried**)"
	case !lines[i].OK:
		return fmt.Sprintf("[%s](#%s) (**failed**)", check, check)
	}
	return fmt.Sprintf("[%s](#%s)", check, check)
}
