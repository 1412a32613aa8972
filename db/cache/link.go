package cache

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
)

// link makes the cache's requests to Redis.
type link struct{ redisconn.Handle }

// get reads a key, if Redis is healthy. ok is false when the key is absent.
func (l link) get(ctx context.Context, key string) (raw string, ok bool, err error) {
	err = l.Health.Do(ctx, func(ctx context.Context) (err error) {
		raw, err = l.Client.Get(ctx, key).Result()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	return raw, err == nil, err
}

// eval runs a script on one key, if Redis is healthy. A nil reply is redis.Nil.
func (l link) eval(ctx context.Context, script *redis.Script, key string, args ...any) (reply any, err error) {
	err = l.Health.Do(ctx, func(ctx context.Context) (err error) {
		reply, err = script.Run(ctx, l.Client, []string{key}, args...).Result()
		return err
	})
	return reply, err
}

// job is one script on one key of a batch.
type job struct {
	key  string
	args []any
	err  error // of the last run
}

func jobsFor(keys []string, args ...any) []job {
	jobs := make([]job, len(keys))
	for i, key := range keys {
		jobs[i] = job{key: key, args: args}
	}
	return jobs
}

// batch runs a script on many keys in one pipelined round trip (two when a server does not know the script yet), and
// returns the jobs that failed with the first error. It is sent whatever the health of Redis.
//
// Servers of a cluster fail apart, and each has scripts of its own. What one of them does not know yet is sent in the
// other form even if another is dead: otherwise the bodies on the living one would stay, and be served.
func (l link) batch(ctx context.Context, script *redis.Script, jobs []job) (failed []job, err error) {
	var unknown []job
	for _, j := range l.pipeline(ctx, script.EvalSha, jobs) {
		if redis.HasErrorPrefix(j.err, "NOSCRIPT") {
			unknown = append(unknown, j)
		} else {
			failed = append(failed, j)
		}
	}
	failed = append(failed, l.pipeline(ctx, script.Eval, unknown)...)
	if len(failed) == 0 {
		return nil, nil
	}
	return failed, failed[0].err
}

type scriptCall func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd

// pipeline returns the jobs that failed, in their order.
func (l link) pipeline(ctx context.Context, run scriptCall, jobs []job) (failed []job) {
	if len(jobs) == 0 {
		return nil
	}
	cmds := make([]*redis.Cmd, len(jobs))
	err := l.Health.Try(ctx, func(ctx context.Context) error {
		pipe := l.Client.Pipeline()
		for i, j := range jobs {
			cmds[i] = run(ctx, pipe, []string{j.key}, j.args...)
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if err == nil {
		return nil
	}
	for i, j := range jobs {
		if j.err = cmds[i].Err(); j.err != nil {
			failed = append(failed, j)
		}
	}
	if len(failed) > 0 {
		return failed
	}
	for _, j := range jobs {
		j.err = err // the pipeline failed before any of its commands did
		failed = append(failed, j)
	}
	return failed
}
