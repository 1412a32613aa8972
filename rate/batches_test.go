package rate

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/test/services"
)

// trips counts what a client sends: single commands, and pipelines as one.
type trips struct{ n atomic.Int64 }

func (c *trips) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { c.n.Add(1); return next(ctx, cmd) }
}
func (c *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { c.n.Add(1); return next(ctx, cmds) }
}

// TestBurstLooksLikeNoOutage: 300 at once over two instances, whose Redis is well but some way off. Each by itself waited
// for one of few connections, until a wait was over, Redis looked dead, and each instance gave a burst of its own.
func TestBurstLooksLikeNoOutage(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	limit := Limit{PerSecond: 20, Burst: 100}
	var limiters [2]*Redis
	for i := range limiters {
		options := *dial(t, server.Addr()).Options()
		options.PoolSize, options.ReadTimeout, options.WriteTimeout = 2, 10*time.Second, 10*time.Second
		near := options.Dialer
		options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := near(ctx, network, addr)
			return far{conn}, err
		}
		client := redis.NewClient(&options)
		t.Cleanup(func() { _ = client.Close() })
		limiters[i] = newPatient(t, client)
	}
	for round := range 3 {
		var taken atomic.Int64
		var all sync.WaitGroup
		begun := time.Now()
		for i := range 300 {
			all.Go(func() {
				if limiters[i%2].Take(t.Context(), fmt.Sprint("burst", round), 1, limit) == 0 {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		checkTaken(t, int(taken.Load()), limit, time.Since(begun))
	}
}

// far is a connection to a server that is 10 ms away.
type far struct{ net.Conn }

func (f far) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	sleep(10 * time.Millisecond)
	return n, err
}

// TestOneRoundTripForAllWhoWait, and for no more than there is room for.
func TestOneRoundTripForAllWhoWait(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client, sent := dialPatient(t, server.Addr()), new(trips)
	r := newTuned(t, client, time.Minute)
	granted(t, r, "script", 1, slow) // is known from now on
	client.AddHook(sent)
	waiting := func() int {
		r.batches.mu.Lock()
		defer r.batches.mu.Unlock()
		return len(r.batches.waiting)
	}
	server.Pause()
	var all sync.WaitGroup
	all.Go(func() { granted(t, r, "first", 1, slow) })
	eventually(t, "the first is sent", func() bool { return sent.n.Load() == 1 })
	for i := range maxBatch {
		all.Go(func() { granted(t, r, fmt.Sprint("later", i), 1, slow) })
	}
	eventually(t, "the others wait", func() bool { return waiting() == maxBatch })
	granted(t, r, "no room", 1, slow) // at once, or this would never end
	server.Resume()
	all.Wait()
	if n := sent.n.Load(); n != 2 {
		t.Errorf("%d round trips", n)
	}
	if known := client.Exists(t.Context(), keyPrefix+"first", keyPrefix+"later0", keyPrefix+"no room").Val(); known != 2 {
		t.Errorf("Redis knows %d of the three", known)
	}
}

// TestStop: what is under way is waited for; afterwards Redis is left alone, and memory decides.
func TestStop(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client, sent := dialPatient(t, server.Addr()), new(trips)
	r := newTuned(t, client, 10*time.Second)
	granted(t, r, "script", 1, slow) // is known from now on
	client.AddHook(sent)
	server.Pause()
	var all sync.WaitGroup
	all.Go(func() { granted(t, r, "a", 4, slow) })
	eventually(t, "it is sent", func() bool { return sent.n.Load() == 1 })
	stopped := make(chan struct{})
	all.Go(func() { r.Stop(); close(stopped) })
	eventually(t, "it ends", func() bool {
		r.batches.mu.Lock()
		defer r.batches.mu.Unlock()
		return r.batches.stopped
	})
	granted(t, r, "b", 1, slow) // at once
	select {
	case <-stopped:
		t.Error("did not wait")
	default:
	}
	server.Resume()
	all.Wait()
	before := sent.n.Load()
	granted(t, r, "a", 1, slow)
	refused(t, r, "a", 1, slow, time.Second)
	r.Stop()
	if n := sent.n.Load(); n != before {
		t.Errorf("%d round trips after the end", n-before)
	}
}
