package redisconn

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// checkLua writes and removes a key, as the scripts of the cache and of the rate limits do.
const checkLua = `
redis.call('TIME')
redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
redis.call('GET', KEYS[1])
return redis.call('DEL', KEYS[1])`

var checkScript = redis.NewScript(checkLua)

func tryPing(ctx context.Context, t *trial) failures {
	return sent(map[string]redis.Cmder{"ping": t.client.Ping(ctx)})
}

func tryCluster(ctx context.Context, t *trial) failures {
	return sent(map[string]redis.Cmder{
		"cluster|slots": t.client.ClusterSlots(ctx), "cluster|info": t.client.ClusterInfo(ctx), "command": t.client.Do(ctx, "command", "count"),
	})
}

func tryCache(ctx context.Context, t *trial) failures {
	return t.pipelined(ctx, func(pipe redis.Pipeliner) map[string]redis.Cmder {
		return map[string]redis.Cmder{
			"get": pipe.Get(ctx, t.key), "getrange": pipe.GetRange(ctx, t.key, 0, 1), "scan": pipe.Scan(ctx, 0, t.key, 1),
		}
	})
}

// tryScripts also sends by themselves what scripts call: the error of a script does not say which command it was.
func tryScripts(ctx context.Context, t *trial) failures {
	failed := t.pipelined(ctx, func(pipe redis.Pipeliner) map[string]redis.Cmder {
		return map[string]redis.Cmder{
			"set": pipe.Set(ctx, t.key, "", tryTTL), "get": pipe.Get(ctx, t.key), "time": pipe.Time(ctx), "del": pipe.Del(ctx, t.key),
		}
	})
	if len(failed) > 0 {
		return failed
	}
	args := []any{tryTTL.Milliseconds()}
	if err := checkScript.Eval(ctx, t.client, []string{t.key}, args...).Err(); err != nil {
		failed["eval"] = err
	}
	if err := checkScript.EvalSha(ctx, t.client, []string{t.key}, args...).Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
		failed["evalsha"] = err
	}
	return failed
}

func tryPresence(ctx context.Context, t *trial) failures {
	return t.pipelined(ctx, func(pipe redis.Pipeliner) map[string]redis.Cmder {
		return map[string]redis.Cmder{
			"zadd":             pipe.ZAdd(ctx, t.set, redis.Z{Score: 1, Member: "x"}),
			"pexpire":          pipe.PExpire(ctx, t.set, tryTTL),
			"zrangebyscore":    pipe.ZRangeByScore(ctx, t.set, &redis.ZRangeBy{Min: "-inf", Max: "+inf", Count: 1}),
			"zremrangebyscore": pipe.ZRemRangeByScore(ctx, t.set, "-inf", "(1"),
			"zrem":             pipe.ZRem(ctx, t.set, "x"),
		}
	})
}

func tryName(ctx context.Context, t *trial) failures {
	pipe := t.client.Pipeline()
	cmd := pipe.ClientSetName(ctx, ClientName)
	_, _ = pipe.Exec(ctx)
	return sent(map[string]redis.Cmder{"client|setname": cmd})
}

func tryVersion(ctx context.Context, t *trial) failures {
	return sent(map[string]redis.Cmder{"info": t.client.Info(ctx, "server")})
}

var errNotReceived = errors.New("what was published did not arrive")

// tryBus subscribes to a channel, publishes to it, and waits for what it published.
func tryBus(ctx context.Context, t *trial) failures {
	publish, subscribe, open := "publish", "subscribe", t.client.Subscribe
	if t.kind == cluster {
		publish, subscribe, open = "spublish", "ssubscribe", t.client.SSubscribe
	}
	failed, sub := failures{}, open(ctx, t.chann)
	defer sub.Close() //nolint:errcheck // the connection ends
	_, heard := sub.ReceiveTimeout(ctx, tryTimeout)
	if heard != nil {
		failed[subscribe] = heard
	}
	if err := t.publish(ctx).Err(); err != nil {
		failed[publish] = err
	}
	if len(failed) > 0 {
		return failed
	}
	if message, err := sub.ReceiveTimeout(ctx, tryTimeout); err != nil {
		failed[""] = err
	} else if _, ok := message.(*redis.Message); !ok {
		failed[""] = errNotReceived
	}
	if t.kind == cluster {
		return failed
	}
	if err := sub.Unsubscribe(ctx, t.chann); err != nil {
		failed["unsubscribe"] = err
	} else if _, err := sub.ReceiveTimeout(ctx, tryTimeout); err != nil {
		failed["unsubscribe"] = err
	}
	return failed
}

func (t *trial) publish(ctx context.Context) *redis.IntCmd {
	if t.kind == cluster {
		return t.client.SPublish(ctx, t.chann, "1")
	}
	return t.client.Publish(ctx, t.chann, "1")
}
