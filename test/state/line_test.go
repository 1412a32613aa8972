package state

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// line is the connection of one instance's cache to Redis, as a hook of its client: it delays requests and replies, loses
// some, and lets some arrive long after their sender gave up.
//
// It stays within what the cache promises to survive without a stale read: one failure at most while a write marks its
// keys, and never as many at a time as would open the breaker while others still reach Redis. parted_test.go tests what is
// promised then.
type line struct {
	faults  *faults
	dice    *dice
	redis   service
	lossy   bool                  // requests may fail
	behind  redis.UniversalClient // without faults: carries what arrives late
	crashed atomic.Bool           // the instance has crashed
	trace   func(string, ...any)  // of a seed that is played by itself; may be nil

	parted, slow atomic.Bool // it is cut off; and waits for each request

	mu       sync.Mutex
	failures []time.Time // the latest
}

// mayFail takes one of the failures that the breaker allows: five within a second open it.
func (l *line) mayFail() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = slices.DeleteFunc(l.failures, func(at time.Time) bool { return time.Since(at) > 1200*time.Millisecond })
	if len(l.failures) >= 3 {
		return false
	}
	l.failures = append(l.failures, time.Now())
	return true
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// pass makes one request, of one command or of several. What the cache's keeper sends never fails: that Redis does not
// answer it either, right after another failure, is how the breaker knows an instance that is cut off.
func (l *line) pass(ctx context.Context, cmds []redis.Cmder, send func() error) error {
	switch {
	case l.crashed.Load():
		return errRefused
	case l.parted.Load():
		return l.partedError(ctx)
	case l.faults.calm.Load():
		return send()
	}
	before := l.redis.lives()
	if err := pause(ctx, l.dice.upTo(5*l.faults.unit)); err != nil {
		return err
	}
	if l.redis.lives() != before { // the connection was closed, and what was on it is lost
		return io.EOF
	}
	if l.lossy && !l.keepers(ctx, cmds) && l.fails(ctx) {
		return l.fail(cmds, send)
	}
	if err := send(); err != nil {
		return err
	}
	return pause(ctx, l.dice.upTo(5*l.faults.unit))
}

// pipelined marks the context of a pipeline: reads send single commands.
type pipelined struct{}

// keepers says whether a request is the keeper's: a probe, or a pipeline outside of any write.
func (l *line) keepers(ctx context.Context, cmds []redis.Cmder) bool {
	_, writes := ctx.Value(fateKey{}).(*fate)
	return cmds[0].Name() == "ping" || !writes && ctx.Value(pipelined{}) != nil
}

func (l *line) fails(ctx context.Context) bool {
	fate := fateOf(ctx)
	if !l.dice.chance(.05) || fate.marking.Load() && fate.failed.Load() || !l.mayFail() {
		return false
	}
	fate.failed.Store(true)
	return true
}

func (l *line) fail(cmds []redis.Cmder, send func() error) error {
	switch l.dice.n(4) {
	case 0: // never sent
		return errRefused
	case 1: // the reply is lost
		_ = send()
		return io.EOF
	case 2: // the request is lost, and the sender waits for nothing
		return context.DeadlineExceeded
	default: // and it arrives after all
		life := l.redis.lives()
		for _, cmd := range cmds {
			args := cmd.Args()
			l.faults.tasks.Go(func() {
				_ = pause(context.Background(), l.dice.upTo(2000*l.faults.unit))
				if l.redis.lives() == life {
					l.behind.Do(context.Background(), args...)
				}
			})
		}
		return context.DeadlineExceeded
	}
}

func (l *line) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *line) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		cmds := []redis.Cmder{cmd}
		defer l.note(cmds)
		return l.pass(ctx, cmds, func() error { return next(ctx, cmd) })
	}
}

func (l *line) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		defer l.note(cmds)
		err := l.pass(context.WithValue(ctx, pipelined{}, true), cmds, func() error { return next(ctx, cmds) })
		if err != nil {
			for _, cmd := range cmds {
				if cmd.Err() == nil {
					cmd.SetErr(err)
				}
			}
		}
		return err
	}
}

func (l *line) note(cmds []redis.Cmder) {
	if l.trace == nil {
		return
	}
	for _, cmd := range cmds {
		l.trace("%p %.200s -> %v", l, flat(cmd), cmd.Err())
	}
}
