package redisconn

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// ask returns the needs that a server refuses, or an error if not all servers answered.
func (w *watcher) ask(ctx context.Context) (map[string]error, error) {
	pipe, cmds := w.client.Pipeline(), map[string][]redis.Cmder{}
	for _, key := range w.keys(ctx) {
		set, ttl := key+":set", tryTTL.Milliseconds()
		cmds[needCache.name] = append(cmds[needCache.name], pipe.GetRange(ctx, key, 0, 1))
		// EVAL first: then the server knows what EVALSHA asks for.
		cmds[needScripts.name] = append(cmds[needScripts.name],
			checkScript.Eval(ctx, pipe, []string{key}, ttl), checkScript.EvalSha(ctx, pipe, []string{key}, ttl))
		cmds[needPresence.name] = append(cmds[needPresence.name],
			pipe.ZAdd(ctx, set, redis.Z{Member: "x"}), pipe.PExpire(ctx, set, tryTTL), pipe.ZRangeByScore(ctx, set, &redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: 1}), pipe.ZRem(ctx, set, "x"))
	}
	_, _ = pipe.Exec(ctx) // each command has its error
	found := map[string]error{}
	for name, sent := range cmds {
		for _, cmd := range sent {
			switch err := cmd.Err(); {
			case isRefusedCommand(err):
				found[name] = err
			case isFailure(err):
				return nil, err
			}
		}
	}
	return found, nil
}

// keys returns one key per master.
func (w *watcher) keys(ctx context.Context) (keys []string) {
	names := w.names.Keys()
	for _, p := range PartitionOfEachMaster(ctx, w.client, names) {
		keys = append(keys, names.Check(p, w.id))
	}
	return keys
}
