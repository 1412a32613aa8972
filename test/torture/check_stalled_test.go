package torture

import (
	"fmt"
	"testing"
	"time"
)

// Limits on what stalled and hostile clients may cost the others.
const (
	mostStalled = 12 * time.Second
	mostClosing = 10 * time.Second // more for a socket: its reader may continue and see the reason
	mostGrowth  = 20               // MB of live heap
	// The p99 beside them may be twice the quiet p99 of the same run. leastMore is the floor, because the machine's own
	// hiccups are longer than a quiet p99 of a few milliseconds.
	mostTimes = 2
	leastMore = 20 * time.Millisecond
)

// bearable returns the limit of a p99, given the quiet one.
func bearable(quiet time.Duration) time.Duration { return max(mostTimes*quiet, quiet+leastMore) }

// stalledReaders makes every fifth subscriber of an instance stop reading and keep its connection: half of them over
// sockets, half over Server-Sent Events.
func stalledReaders(r *record) {
	r.chats, r.rate = 4, 80 // 20 events/s and 50 KB/s for each subscriber, which fill the kernel's buffers within seconds
	stalling := r.subscribers / 5
	r.Fault = fmt.Sprintf("%d of the sockets and %d of the event streams are no longer read; all at one server", stalling/2, stalling/2)
	w := newWorld(r, setting{count: 1, extra: []string{"GODEBUG=gctrace=1"}})
	l := w.newTraffic(r)
	l.bulky = true
	for k, s := range l.subscribers {
		if k/r.chats%2 == 1 {
			s.over = overEvents
		}
		if k < stalling {
			s.line = newLine()
			r.Cleanup(s.line.client.CloseIdleConnections)
		}
	}
	l.start()
	quiet := during(func() { pause(r.calm) })

	server := w.instances[0]
	heap, peak := server.heap.Load(), int64(0)
	resident, err := server.resident()
	r.must(err)
	var ended map[int]time.Time
	stalled := during(func() {
		ports := stallAll(r, server, l.subscribers[:stalling])
		ended = watchEnds(r, server, ports, mostStalled+mostClosing+time.Second, func() { peak = max(peak, server.heap.Load()) })
	})
	later, err := server.resident()
	r.must(err)
	slowest := slowestEnd(l.subscribers[:stalling], ended)
	for _, s := range l.subscribers[:stalling] {
		s.gate.reopen()
	}
	after := during(func() { pause(r.calm) })
	l.judge(stalled)

	came, steady := 0, 0
	for k, s := range l.subscribers {
		switch {
		case k >= stalling:
			steady += s.resumes
		case s.resumes > 0:
			came++
		}
	}
	// Compare with the slower of before and after, so that the server is not blamed when the machine itself got busier.
	before, beside := quantile(l.deliveries(quiet), 0.99), quantile(l.deliveries(stalled), 0.99)
	if before > 0 {
		before = max(before, quantile(l.deliveries(after), 0.99))
	}
	r.limit(len(ended) == stalling && slowest <= mostStalled+mostClosing, "%d of %d stalled connections closed by the server, the last %.1f s after its reader stopped, limit %.0f s",
		len(ended), stalling, slowest.Seconds(), (mostStalled + mostClosing).Seconds())
	r.limit(came == stalling, "%d of their clients resumed from their cursor", came)
	r.limit(steady == 0, "%d other connections broke", steady)
	r.limit(before > 0 && beside > 0 && beside <= bearable(before), "the others: p99 %.1f ms, quiet %.1f ms, limit %.1f ms", ms(beside), ms(before), ms(bearable(before)))
	r.limit(heap > 0 && peak > 0 && peak-heap < mostGrowth, "live heap %d MB in the quiet, %d MB at most with them, limit +%d MB; resident %d and %d MB", heap, peak, mostGrowth, resident, later)
}

// stallAll makes the subscribers stop reading, waits until they have, and returns the ports of their connections.
func stallAll(r *record, i *instance, subscribers []*subscriber) []int {
	r.Helper()
	ports := make([]int, 0, len(subscribers))
	for _, s := range subscribers {
		s.gate.shut()
		ports = append(ports, int(s.line.port.Load()))
	}
	if _, ok := until(5*time.Second, func() bool {
		for _, s := range subscribers {
			if _, ok := s.gate.stoppedAt(); !ok {
				return false
			}
		}
		return true
	}); !ok {
		r.Fatal("not all readers stopped within 5 s")
	}
	open, err := openAt(i)
	r.must(err)
	for _, port := range ports {
		if !open[port] {
			r.Fatalf("the connection from port %d is missing in the kernel's table, or not open: the check would see nothing", port)
		}
	}
	return ports
}

// slowestEnd returns the longest time between a reader's stop and the end of its connection.
func slowestEnd(subscribers []*subscriber, ended map[int]time.Time) time.Duration {
	var slowest time.Duration
	for _, s := range subscribers {
		stopped, _ := s.gate.stoppedAt()
		if at, ok := ended[int(s.line.port.Load())]; ok {
			slowest = max(slowest, at.Sub(stopped))
		}
	}
	return slowest
}

// deliveries returns the latencies of messages sent in the window, without those of stalled readers.
func (l *traffic) deliveries(w window) []time.Duration {
	var all []time.Duration
	for _, s := range l.subscribers {
		if s.line != nil {
			continue
		}
		for _, e := range s.got {
			if at, ok := l.sentAt.Load(e.Message.ID); ok && w.has(at.(time.Time)) {
				all = append(all, e.at.Sub(at.(time.Time)))
			}
		}
	}
	return all
}

func TestBearable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason      string
		quiet, want time.Duration
	}{
		{"twice a few milliseconds is within the machine's hiccups", 5 * time.Millisecond, 25 * time.Millisecond},
		{"otherwise it is twice the quiet one", 50 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := bearable(tc.quiet); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
		}
	}
}
