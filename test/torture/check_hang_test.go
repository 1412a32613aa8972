package torture

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"studychat/test/services"
)

const (
	hang        = 8 * time.Second  // longer than any statement timeout
	frozenFor   = 20 * time.Second // of an instance
	distance    = 15 * time.Millisecond
	hangPace    = 60 * time.Millisecond // between two disconnects meanwhile
	frozenCrowd = 60                    // streams that are starting when an instance is frozen
)

// databaseHang starts and resumes streams while the database does not answer. Their clients behave like the stock ones:
// they do not return after an error or an early complete.
func databaseHang(r *record) {
	forms := []string{fmt.Sprintf("LOCK TABLE chats for %.0f s", hang.Seconds())}
	var server *services.PostgresServer
	dsn := ""
	if r.long {
		server = services.NewPostgresServer(r)
		dsn = server.DSN()
		forms = append(forms, fmt.Sprintf("SIGSTOP of PostgreSQL for %.0f s", hang.Seconds()),
			fmt.Sprintf("SIGSTOP of an instance for %.0f s, %d ms from its database", frozenFor.Seconds(), distance.Milliseconds()))
	}
	r.Fault = strings.Join(forms, ", then ") + ", while streams of chats and feeds start and resume over each carrier"
	w := newWorld(r, setting{dsn: dsn, distant: r.long})
	l := w.newTraffic(r)
	l.addFeeds(8)
	l.everyCarrier()
	for _, s := range slices.Concat(l.subscribers, l.feeds) {
		s.stock = true
	}
	l.start()
	pause(r.calm)
	h := &hanging{traffic: l}
	h.form("chats locked", func() {
		release := w.lock("LOCK TABLE chats IN ACCESS EXCLUSIVE MODE")
		pause(hang)
		release()
	})
	if r.long {
		h.form("PostgreSQL stopped", func() {
			server.Stop()
			pause(hang)
			server.Continue()
		})
		h.form("an instance frozen", func() { h.freeze(w.instances[0]) })
	}
	l.judge(h.faults...)
	h.report()
}

// hanging is the traffic of databaseHang.
type hanging struct {
	*traffic
	faults []window
	forms  []hangForm
}

// hangForm is the effect of one fault on streams.
type hangForm struct {
	name          string
	began, broken int            // streams, during the fault
	ended         map[string]int // streams that stock clients gave up, by reason, for each carrier
}

// form runs a fault while streams disconnect and resume, and others begin.
func (h *hanging) form(name string, fault func()) {
	f := hangForm{name: name}
	before := h.ended()
	over := make(chan struct{})
	var faulty sync.WaitGroup
	faulty.Go(func() {
		defer close(over)
		h.faults = append(h.faults, during(fault))
	})
	pace := time.NewTicker(hangPace)
	defer pace.Stop()
	for running := true; running; {
		select {
		case <-over:
			running = false
		case <-pace.C:
			all := slices.Concat(h.subscribers, h.feeds)
			all[rand.IntN(len(all))].disconnect()
			if f.broken++; f.broken%2 == 0 {
				h.begin(f.began, rand.IntN(3))
				f.began++
			}
		}
	}
	faulty.Wait()
	pause(h.r.calm)
	f.ended = h.ended()
	for reason, n := range before {
		f.ended[reason] -= n
	}
	h.forms = append(h.forms, f)
}

// begin starts the nth new stream at an instance. Every fourth is a feed; every second of the others has a cursor.
func (h *hanging) begin(n, at int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room := rand.IntN(len(h.rooms))
	s := h.w.newSubscriber(feeder(len(h.feeds)%feeds), "", "", 0, at)
	if n%4 > 0 {
		chat := h.rooms[room].id
		head, cursor := h.head(chat), ""
		if n%4 == 3 {
			cursor = cursorAt(chat, head)
		}
		s = h.w.newSubscriber(member(room, 0), chat, cursor, head, at)
		h.subscribers = append(h.subscribers, s)
	} else {
		h.feeds = append(h.feeds, s)
	}
	s.stock, s.over = true, carrier(n)%carriers
	h.follow(s)
}

// head returns the highest acknowledged number of the chat. The caller holds l.mu.
func (l *traffic) head(chat string) (seq int64) {
	for _, a := range l.answers {
		if a.chat == chat {
			seq = max(seq, a.seq)
		}
	}
	return seq
}

// freeze stops an instance while a crowd of streams is starting there, far from its database.
func (h *hanging) freeze(i *instance) {
	for _, p := range h.w.databases {
		p.delay(distance / 2)
	}
	pause(time.Second) // for requests in flight
	for n := range frozenCrowd {
		h.begin(n, 0)
	}
	pause(4 * distance)
	i.stop()
	pause(frozenFor)
	i.resume()
}

// ended counts the streams that stock clients gave up, by carrier and reason.
func (l *traffic) ended() map[string]int {
	reasons := map[string]int{}
	for _, s := range slices.Concat(l.subscribers, l.feeds) {
		s.mu.Lock()
		if s.endedBy != "" {
			reasons[s.over.String()+" "+s.endedBy]++
		}
		s.mu.Unlock()
	}
	return reasons
}

func (h *hanging) report() {
	for _, f := range h.forms {
		total := 0
		for _, n := range f.ended {
			total += n
		}
		maps.DeleteFunc(f.ended, func(_ string, n int) bool { return n == 0 })
		h.r.limit(total == 0 && f.began > 0 && f.broken > 0, "%s: %d streams began and %d were disconnected meanwhile; %d ended for good %v", f.name, f.began, f.broken, total, f.ended)
	}
}
