package redisconn

import (
	"slices"
	"strings"
)

// need is one use that this program makes of Redis: the commands that it sends for it, and what is lost without them. The needs are
// the whole list of commands, as Keys is that of names; tests compare both directions with what is really sent.
type need struct {
	name     string
	lost     string
	commands []string // as ACL rules name them: command or command|subcommand
	sharded  []string // instead of commands, on a cluster
	keys     bool     // the commands take keys
	channels bool     // the commands take channels
	only     kind     // the need exists there alone; "": everywhere
	optional bool     // nothing is lost but words
}

// The needs. EVAL is sent when a server does not know a script yet. GET, SET, DEL and TIME are also called by scripts, which
// have the rights of their caller. The client of a cluster asks for COMMAND before each call until it is answered once.
var (
	needPing = need{
		name: "ping", lost: "a Redis that did not answer once is not used again",
		commands: []string{"ping"},
	}
	needCluster = need{
		name: "cluster", lost: "keys and channels are not found: there is no cache, and events of other instances arrive by sweeping",
		commands: []string{"cluster|slots", "cluster|info", "command"}, only: cluster,
	}
	needCache = need{
		name: "cache", lost: "all reads go to the database",
		commands: []string{"get", "getrange", "scan"}, keys: true,
	}
	needScripts = need{
		name: "scripts", lost: "all reads go to the database, and each instance counts rate limits for itself",
		commands: []string{"eval", "evalsha", "get", "set", "del", "time"}, keys: true,
	}
	needBus = need{
		name: "bus", lost: "events of other instances arrive by sweeping, which loads the database",
		commands: []string{"publish", "subscribe", "unsubscribe"}, sharded: []string{"spublish", "ssubscribe"}, channels: true,
	}
	needPresence = need{
		name: "presence", lost: "only users of the same instance are seen online",
		commands: []string{"zadd", "zrem", "zrangebyscore", "zremrangebyscore", "pexpire"}, keys: true,
	}
	needName = need{
		name: "name", lost: "CLIENT LIST does not show which connections are of studychat",
		commands: []string{"client|setname"}, optional: true,
	}
	needVersion = need{
		name: "version", lost: "the log does not show the version of Redis",
		commands: []string{"info"}, optional: true,
	}
)

var needs = []need{needPing, needCluster, needCache, needScripts, needBus, needPresence, needName, needVersion}

// of returns the commands of the need at a server of that kind.
func (n need) of(k kind) []string {
	switch {
	case n.only != "" && n.only != k:
		return nil
	case k == cluster && n.sharded != nil:
		return n.sharded
	default:
		return n.commands
	}
}

// patterns returns the names that the need's commands take, as ACL rules.
func (n need) patterns(prefix string) (rules []string) {
	if n.keys {
		rules = append(rules, "~"+prefix+":*")
	}
	if n.channels {
		rules = append(rules, "&"+prefix+":*")
	}
	return rules
}

// aclUser is the user of the examples.
const aclUser = "studychat"

// ACLLine returns the command that makes a user of Redis which may do what this program does, at a single server or behind
// sentinels, and nothing else. The prefix is REDIS_PREFIX.
func ACLLine(prefix string) string { return aclLine(prefix, single, 0) }

// ACLLine returns the same for the server of the settings: clusters need other commands, and a database other than 0 one more.
func (s Settings) ACLLine(prefix string) string { return aclLine(prefix, s.kind, s.db) }

func aclLine(prefix string, k kind, db int) string {
	words := []string{"ACL SETUSER", aclUser, "on", ">PASSWORD", "resetkeys", "~" + prefix + ":*", "resetchannels", "&" + prefix + ":*", "-@all"}
	for _, command := range commandsOf(k, db) {
		words = append(words, "+"+command)
	}
	return strings.Join(words, " ")
}

// commandsOf returns all commands that are sent to a server of that kind, sorted.
func commandsOf(k kind, db int) (commands []string) {
	for _, n := range needs {
		commands = append(commands, n.of(k)...)
	}
	if db != 0 {
		commands = append(commands, "select")
	}
	slices.Sort(commands)
	return slices.Compact(commands)
}

// SentinelACLLine returns the command that makes a user of a sentinel which may do what this program does there. A user of the servers is
// made by ACLLine.
func SentinelACLLine() string {
	return "ACL SETUSER " + aclUser + " on >PASSWORD resetchannels &+switch-master &+replica-reconf-done -@all " +
		"+client|setname +ping +subscribe +sentinel|get-master-addr-by-name +sentinel|replicas +sentinel|sentinels"
}
