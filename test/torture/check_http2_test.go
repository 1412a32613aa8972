package torture

import (
	"fmt"
	"sync"
	"time"
)

const (
	h2Stalled = 50     // streams of one connection
	h2Flood   = 10_000 // streams that are opened and reset
)

// http2Abuse tries attacks that only HTTP/2 allows: stalling one stream through another, because they share a window,
// and requesting without ever waiting for a response (CVE-2023-44487).
func http2Abuse(r *record) {
	r.Fault = fmt.Sprintf("%d event streams of one connection that never widens a window; %d streams opened and reset at once", h2Stalled, h2Flood)
	r.Load = fmt.Sprintf("%d callers of the same server, reads and writes alternately, and new sockets", callers)
	w := newWorld(r, setting{count: 1, extra: []string{"GODEBUG=gctrace=1"}})
	c := newCaller(r, w)
	c.settle()
	stallStreams(r, c, w.instances[0])
	floodStreams(r, c, w.instances[0])
}

// followMany opens the streams on one connection.
func followMany(r *record, c *caller, i *instance, grants bool) *h2 {
	r.Helper()
	conn, err := dialH2(r.Context(), i, grants)
	r.must(err)
	for n := range uint32(h2Stalled) {
		r.must(conn.frames(follow("ann", c.chats[0], 2*n+1)))
	}
	return conn
}

// stallStreams compares stalled streams with as many streams that are read.
func stallStreams(r *record, c *caller, server *instance) {
	decent := followMany(r, c, server, true)
	quiet := c.call(2 * r.calm)
	broken, taken, _, _ := decent.state()
	decent.close()
	r.limit(broken == 0 && taken > 100_000, "streams that are read: %d of %d were reset after %d bytes", broken, h2Stalled, taken)
	began := time.Now()
	conn := followMany(r, c, server, false)
	defer conn.close()
	heap, peak := server.heap.Load(), int64(0)
	var beside []time.Duration
	var calling sync.WaitGroup
	calling.Go(func() { beside = c.call(mostStalled) })
	until(mostStalled+notice, func() bool {
		peak = max(peak, server.heap.Load())
		resets, _, _, _ := conn.state()
		return resets == h2Stalled
	})
	calling.Wait()
	resets, bytes, last, ended := conn.state()
	r.limit(bytes > 50_000 && resets == h2Stalled && last.Sub(began) <= mostStalled && !ended,
		"stalled streams: %d of %d were reset after at most %.1f s, limit 12 s, and %d bytes, and the connection continues; live heap %d MB before, %d MB at most", resets, h2Stalled, last.Sub(began).Seconds(), bytes, heap, peak)
	c.judgeBeside("stalled streams", c.again(quiet, beside), beside)
}

// floodStreams dials again whenever the server closes the connection. Ten thousand requests with tokens within a second
// cost time, reset or not. But no other call may fail meanwhile, and latencies must recover afterwards.
func floodStreams(r *record, c *caller, server *instance) {
	quiet := c.call(r.calm)
	heap := server.heap.Load()
	var beside []time.Duration
	var calling sync.WaitGroup
	calling.Go(func() { beside = c.call(r.calm) })
	began, connections, closed := time.Now(), 0, 0
	for sent := 0; sent < h2Flood; connections++ {
		conn, err := dialH2(r.Context(), server, false)
		r.must(err)
		sent += conn.flood(follow("ann", c.chats[0], 1), h2Flood-sent)
		if _, _, _, ended := conn.state(); ended {
			closed++
		}
		conn.close()
	}
	took := time.Since(began)
	calling.Wait()
	r.note("reset streams: %d sent within %.1f s over %d connections, the server closed %d of them; live heap %d MB before, %d MB after", h2Flood, took.Seconds(), connections, closed, heap, server.heap.Load())
	r.note("reset streams: %d calls meanwhile, p99 %.1f ms", len(beside), ms(quantile(beside, 0.99)))
	later := c.call(r.calm)
	c.judgeBeside("after reset streams", c.again(quiet, later), later)
}
