package redisconn

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Ability is one use of Redis, and whether the server lets this program have it.
type Ability struct {
	Name     string // "connection", "cache", "scripts", "bus", "presence", …
	OK       bool
	Optional bool   // no function is lost without it
	Lost     string // what does not work without it
	Err      error  // nil if OK; may hold addresses, no secret
	Grant    string // the ACL command that would give it; "" if rights are not the reason
}

const (
	tryTimeout = 2 * time.Second // of one ability
	tryTTL     = 10 * time.Second
)

// try tests one need. It returns the commands that failed, each with its error.
type try func(context.Context, *trial) failures

// failures are commands with the errors of the server. "" is for what no single command is to blame for.
type failures map[string]error

// trial is what the tries share.
type trial struct {
	client redis.UniversalClient
	kind   kind
	key    string
	set    string // another key
	chann  string
}

// Abilities tries each use that this program makes of Redis, on names of its own that begin with the prefix, and tells them apart.
// Nothing remains. The first is the connection; without it there are no others. On a cluster it tries one node.
//
// It takes at most a few seconds, whatever the server does.
func Abilities(ctx context.Context, client redis.UniversalClient, prefix string) []Ability {
	keys, id := NewKeys(prefix, ""), rand.Text()
	t := &trial{client: client, kind: kindOf(client), key: keys.Check(0, id), set: keys.Check(0, id+":set"), chann: keys.Probe(0, id)}
	if err := connects(ctx, client); err != nil {
		return []Ability{{Name: "connection", Lost: "everything goes on without Redis", Err: err}}
	}
	all := []Ability{{Name: "connection", OK: true}}
	for _, c := range []struct {
		need need
		try  try
	}{
		{needPing, tryPing},
		{needCluster, tryCluster},
		{needCache, tryCache},
		{needScripts, tryScripts},
		{needBus, tryBus},
		{needPresence, tryPresence},
		{needName, tryName},
		{needVersion, tryVersion},
	} {
		if c.need.of(t.kind) != nil {
			all = append(all, t.ability(ctx, c.need, prefix, c.try))
		}
	}
	return all
}

// connects says whether the server lets this program in.
func connects(ctx context.Context, client redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	if err := client.Ping(ctx).Err(); !isDenied(err) {
		return err
	}
	return nil
}

func (t *trial) ability(ctx context.Context, n need, prefix string, try try) Ability {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	a := Ability{Name: n.name, OK: true, Optional: n.optional, Lost: n.lost}
	var missing []string
	failed := try(ctx, t)
	for _, command := range append(n.of(t.kind), "") {
		err, ok := failed[command]
		if !ok {
			continue
		}
		a.OK = false
		if a.Err == nil {
			a.Err = err
		}
		if isDenied(err) && command != "" {
			missing = append(missing, "+"+command)
		}
	}
	if len(missing) > 0 {
		a.Grant = strings.Join(slices.Concat([]string{"ACL SETUSER", userOf(t.client)}, missing, n.patterns(prefix)), " ")
	}
	return a
}

// isDenied says that the server refused for lack of rights.
func isDenied(err error) bool { return redis.HasErrorPrefix(err, "NOPERM") }

func kindOf(client redis.UniversalClient) kind {
	if _, ok := client.(*redis.ClusterClient); ok {
		return cluster
	}
	return single
}

// userOf returns the user that the client logs in as.
func userOf(client redis.UniversalClient) (user string) {
	switch c := client.(type) {
	case *redis.Client:
		user = c.Options().Username
	case *redis.ClusterClient:
		user = c.Options().Username
	}
	if user == "" {
		return "default"
	}
	return user
}

// sent adds what a pipeline's commands say. Their names are the keys of cmds.
func sent(cmds map[string]redis.Cmder) failures {
	failed := failures{}
	for name, cmd := range cmds {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) {
			failed[name] = err
		}
	}
	return failed
}

// pipelined sends commands in one round trip.
func (t *trial) pipelined(ctx context.Context, fill func(redis.Pipeliner) map[string]redis.Cmder) failures {
	pipe := t.client.Pipeline()
	cmds := fill(pipe)
	_, _ = pipe.Exec(ctx) // each command has its error
	return sent(cmds)
}
