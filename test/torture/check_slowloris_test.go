package torture

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"studychat/db"
)

// slowloris keeps hundreds of nearly idle connections while others work. In the long form each kind comes in turn and
// is watched to its end; in the short form all come together and only the work is judged.
func slowloris(r *record) {
	w := newWorld(r, setting{count: 1, extra: []string{"GODEBUG=gctrace=1"}})
	c := newCaller(r, w)
	large := db.NewID()
	w.must("ann", createChat, vars{"id": large, "title": "Large"}, nil)
	for range 100 {
		w.must("ann", sendMessage, vars{"chat": large, "content": strings.Repeat("x", 2000)}, nil)
	}
	c.settle()
	kinds := hostilities("ann", large)
	r.Fault = fmt.Sprintf("%d connections that send or read one byte every half second", r.hostile)
	r.Load = fmt.Sprintf("%d callers of the same server, reads and writes alternately, and new sockets", callers)
	if *scaleFlag != "short" {
		for _, h := range kinds {
			withstand(r, c, h)
		}
		return
	}
	quiet := c.call(r.calm)
	for _, h := range kinds {
		h.rate = 250
		besiege(r, w.instances[0], h, r.hostile/len(kinds))
	}
	c.judgeBeside("all kinds", quiet, c.call(r.calm))
}

// withstand runs one siege to its end.
func withstand(r *record, c *caller, h hostility) {
	server := c.w.instances[0]
	quiet := c.call(r.calm)
	heap, peak := server.heap.Load(), int64(0)
	s := besiege(r, server, h, r.hostile)
	defer s.lift()
	open, err := openAt(server)
	r.must(err)
	held := 0
	for _, port := range s.ports {
		if open[port] {
			held++
		}
	}
	var beside []time.Duration
	var calling sync.WaitGroup
	calling.Go(func() { beside = c.call(h.deadline / 2) })
	ended := watchEnds(r, server, s.ports, h.deadline+2*notice, func() { peak = max(peak, server.heap.Load()) })
	calling.Wait()
	first, last := s.ends(ended)
	r.limit(held == r.hostile && len(ended) == r.hostile && first >= h.deadline-notice && last <= h.deadline+notice,
		"%s: %d of %d held at once, %d closed by the server after %.1f to %.1f s, its deadline is %.0f s; live heap %d MB before, %d MB at most",
		h.name, held, r.hostile, len(ended), first.Seconds(), last.Seconds(), h.deadline.Seconds(), heap, peak)
	c.judgeBeside(h.name, c.again(quiet, beside), beside)
}

// again repeats the quiet measurement when the calls beside a siege were slow, and returns the slower one: the machine
// itself may have got busier.
func (c *caller) again(quiet, beside []time.Duration) []time.Duration {
	before := quantile(quiet, 0.99)
	if quantile(beside, 0.99) <= bearable(before) {
		return quiet
	}
	if later := c.call(c.r.calm); quantile(later, 0.99) > before {
		return later
	}
	return quiet
}

// judgeBeside compares the calls beside a siege with the quiet ones and subscribes with a new socket. A failed call has
// failed the check already.
func (c *caller) judgeBeside(name string, quiet, beside []time.Duration) {
	c.r.Helper()
	before, after := quantile(quiet, 0.99), quantile(beside, 0.99)
	c.r.P50, c.r.P99 = max(c.r.P50, ms(quantile(beside, 0.5))), max(c.r.P99, ms(after))
	c.r.limit(len(beside) > 0 && after <= bearable(before), "%s: %d calls meanwhile, p99 %.1f ms, quiet %.1f ms, limit %.1f ms", name, len(beside), ms(after), ms(before), ms(bearable(before)))
	s, got, err := begin(c.r.Context(), c.w, 0, overSocket, "ann", c.chats[1], cursorAt(c.chats[1], 1))
	if s != nil {
		s.close()
	}
	c.r.limit(err == nil && got.seq == 2, "%s: a new socket gets its first event: %s", name, got)
}
