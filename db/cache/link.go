package cache

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// errOpen is the answer of the breaker: Redis was not asked.
var errOpen = errors.New("cache: Redis does not answer at the moment")

// link is the way to Redis: each request has a deadline, and failures open the breaker.
type link struct {
	client  redis.UniversalClient
	timeout time.Duration // of one request
	breaker *breaker
	stats   *counters
	failed  func() // called after a failed request, to have Redis probed; must not block
}

// get reads a key. ok is false when it is absent.
func (l *link) get(ctx context.Context, key string) (raw string, ok bool, err error) {
	err = l.guarded(ctx, func(ctx context.Context) (err error) {
		raw, err = l.client.Get(ctx, key).Result()
		return err
	})
	if errors.Is(err, redis.Nil) {
		return "", false, nil
	}
	return raw, err == nil, err
}

// eval runs a script on one key. A nil reply is redis.Nil.
func (l *link) eval(ctx context.Context, script *redis.Script, key string, args ...any) (reply any, err error) {
	err = l.guarded(ctx, func(ctx context.Context) (err error) {
		reply, err = script.Run(ctx, l.client, []string{key}, args...).Result()
		return err
	})
	return reply, err
}

// guarded makes one request, unless the breaker is open.
func (l *link) guarded(ctx context.Context, request func(context.Context) error) error {
	if l.breaker.open.Load() {
		return errOpen
	}
	return l.request(ctx, request)
}

// request makes one request, whatever the breaker says.
func (l *link) request(ctx context.Context, request func(context.Context) error) error {
	tryCtx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	l.stats.redisRoundTrips.Add(1)
	err := request(tryCtx)
	if !gaveUp(ctx) {
		l.report(err)
	}
	return err
}

// gaveUp says whether the caller's time is over. The deadline is looked at, too: it is given to the connection as well,
// whose timer may be the first to fire.
func gaveUp(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// report tells the breaker how a request ended. Most error replies count like a cut connection (LOADING, READONLY, NOAUTH,
// CLUSTERDOWN: asking again at once is of no use); those that concern one key or one kind of command do not.
func (l *link) report(err error) {
	if err == nil || errors.Is(err, redis.Nil) || isAboutCommand(err) {
		return
	}
	l.stats.redisFailures.Add(1)
	l.breaker.failed(isTimeout(err))
	l.failed()
}

func isAboutCommand(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGTYPE") || redis.HasErrorPrefix(err, "OOM") || redis.HasErrorPrefix(err, "NOSCRIPT")
}

// isRefusal says whether Redis did not let a new connection in: it asks for a password that we do not have, or has as many
// clients as it may. (A server that is gone refuses otherwise.) Connections of before may work.
func isRefusal(err error) bool {
	return redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS") || redis.IsMaxClientsError(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isTimeout says whether a failure was slow: nothing came back, so another try would cost the wait again.
func isTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) {
		return true
	}
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// job is one script on one key of a batch.
type job struct {
	key  string
	args []any
}

// batch runs a script on many keys in one pipelined round trip (two when a server does not know the script yet), and
// returns the jobs that failed with the first error. It does not ask the breaker: callers have.
//
// Servers of a cluster fail apart, and each has scripts of its own. What one of them does not know yet is sent in the
// other form even if another is dead: else the bodies that the living one holds would stay, and be served.
func (l *link) batch(ctx context.Context, script *redis.Script, jobs []job) (failed []job, err error) {
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
func (l *link) pipeline(ctx context.Context, run scriptCall, jobs []job) (failures []failure) {
	cmds := make([]*redis.Cmd, len(jobs))
	err := l.request(ctx, func(ctx context.Context) error {
		pipe := l.client.Pipeline()
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

// eachNode calls fn for every server that holds keys.
func (l *link) eachNode(ctx context.Context, fn func(context.Context, redis.Cmdable) error) error {
	if cluster, ok := l.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return fn(ctx, node) })
	}
	return fn(ctx, l.client)
}

// ping says whether all of Redis answers. It bypasses the breaker and does not count for it.
func (l *link) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*l.timeout)
	defer cancel()
	l.stats.probes.Add(1)
	err := l.eachNode(ctx, func(ctx context.Context, node redis.Cmdable) error { return node.Ping(ctx).Err() })
	if err != nil {
		l.stats.probeFailures.Add(1)
	}
	return err
}
