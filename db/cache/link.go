package cache

import (
	"cmp"
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
}

// batch runs a script on many keys in one pipelined round trip (two when a server does not know the script yet), and
// returns the jobs that failed with the first error. It is sent whatever the health of Redis.
//
// Servers of a cluster fail apart, and each has scripts of its own. What one of them does not know yet is sent in the
// other form even if another is dead: else the bodies that the living one holds would stay, and be served.
func (l link) batch(ctx context.Context, script *redis.Script, jobs []job) (failed []job, err error) {
	var unknown []job
	for _, f := range l.pipeline(ctx, script.EvalSha, jobs) {
		if redis.HasErrorPrefix(f.err, "NOSCRIPT") {
			unknown = append(unknown, f.job)
			continue
		}
		failed, err = append(failed, f.job), cmp.Or(err, f.err)
	}
	if len(unknown) == 0 {
		return failed, err
	}
	for _, f := range l.pipeline(ctx, script.Eval, unknown) {
		failed, err = append(failed, f.job), cmp.Or(err, f.err)
	}
	return failed, err
}

// failure is a job that was not done.
type failure struct {
	job job
	err error
}

// pipeline returns what failed, in the order of the jobs.
func (l link) pipeline(ctx context.Context, run scriptCall, jobs []job) (failures []failure) {
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
	for i, cmd := range cmds {
		if cmd.Err() != nil {
			failures = append(failures, failure{jobs[i], cmd.Err()})
		}
	}
	if len(failures) > 0 {
		return failures
	}
	for _, j := range jobs {
		failures = append(failures, failure{j, err}) // the pipeline failed before it had anything to say about its commands
	}
	return failures
}

type scriptCall func(ctx context.Context, c redis.Scripter, keys []string, args ...any) *redis.Cmd
