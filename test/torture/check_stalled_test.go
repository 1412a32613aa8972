package torture

import (
	"fmt"
	"testing"
	"time"
)

// What stalled and hostile clients may cost the others.
const (
	mostStalled = 12 * time.Second
	mostClosing = 10 * time.Second // more, for a socket: its reader may read on, and see why
	mostGrowth  = 20               // MB of live heap
	// p99 beside them may be twice the quiet one of the same run. Where the quiet one is a few milliseconds the machine's
	// own hiccups are as long as that, hence a floor.
	mostTimes = 2
	leastMore = 20 * time.Millisecond
)

// bearable is the limit of a p99 by the quiet one.
func bearable(quiet time.Duration) time.Duration { return max(mostTimes*quiet, quiet+leastMore) }

// stalledReaders has every fifth of an instance's subscribers stop reading and keep its connection, half of them over
// sockets, half by Server-Sent Events.
func stalledReaders(r *record) {
	r.chats, r.rate = 4, 80 // 20 events/s and 50 KB/s for each subscriber: what the kernel takes is full within seconds
	stalling := r.subscribers / 5
	r.Fault = fmt.Sprintf("%d of the sockets and %d of the event streams are no longer read; all are of one server", stalling/2, stalling/2)
	w := newWorld(r, setting{one: true, extra: []string{"GODEBUG=gctrace=1"}})
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
	// The slower of before and after: a machine that got busier by itself is not held against the server.
	before, beside := quantile(l.deliveries(quiet), 0.99), quantile(l.deliveries(stalled), 0.99)
	if before > 0 {
		before = max(before, quantile(l.deliveries(after), 0.99))
	}
	r.limit(len(ended) == stalling && slowest <= mostStalled+mostClosing, "%d of %d stalled connections closed by the server, the last %.1f s after its reader had stopped, limit %.0f s",
		len(ended), stalling, slowest.Seconds(), (mostStalled + mostClosing).Seconds())
	r.limit(came == stalling, "%d of their clients came back with their cursor", came)
	r.limit(steady == 0, "%d of the others' connections broke", steady)
	r.limit(before > 0 && beside > 0 && beside <= bearable(before), "the others: p99 %.1f ms, quiet %.1f ms, limit %.1f ms", ms(beside), ms(before), ms(bearable(before)))
	r.limit(heap > 0 && peak > 0 && peak-heap < mostGrowth, "live heap %d MB in the quiet, %d MB at most beside them, limit +%d MB; resident %d and %d MB", heap, peak, mostGrowth, resident, later)
}

// stallAll makes the subscribers stop, waits until they have, and returns the ports of their connections.
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
			r.Fatalf("the connection from port %d is not in the kernel's table, or not open: nothing would be seen", port)
		}
	}
	return ports
}

// slowestEnd is the longest time from a reader's stopping to the end of its connection.
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

// deliveries are the latencies of what was sent in the window, without those of readers who stall.
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
		{"of a few milliseconds the double is within the machine's hiccups", 5 * time.Millisecond, 25 * time.Millisecond},
		{"else it is the double", 50 * time.Millisecond, 100 * time.Millisecond},
	} {
		if got := bearable(tc.quiet); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
		}
	}
}
