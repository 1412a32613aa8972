package torture

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"studychat/db"
)

const bystanderCount = 6

// bystanders use the same servers as the victims of a fault, but other chats. What they notice is the cost of the fault
// to others.
type bystanders struct {
	r     *record
	w     *world
	stop  context.CancelFunc
	doing sync.WaitGroup

	mu       sync.Mutex
	calls    []call
	unready  []string // responses of /readyz other than 200
	observed int
}

// call is one measured operation of a bystander.
type call struct {
	kind string
	at   time.Time
	took time.Duration
	err  error
}

// The operations of bystanders, in turn. Each read follows a write to the same chat, so no cache answers it.
const (
	sends   = "sends"
	queries = "reads"
	streams = "streams" // to the StreamStarted
)

// newBystanders starts them at every instance of the world.
func newBystanders(r *record, w *world) *bystanders {
	r.Helper()
	ctx, stop := context.WithCancel(context.Background())
	b := &bystanders{r: r, w: w, stop: stop}
	r.Cleanup(b.end)
	for n := range bystanderCount {
		user, chat := fmt.Sprintf("bystander-%d", n), db.NewID()
		w.must(user, createChat, vars{"id": chat, "title": "Beside"}, nil)
		b.doing.Go(func() {
			i := w.instances[n%len(w.instances)]
			for over := carrier(n); ctx.Err() == nil; over++ {
				b.round(ctx, i, over%carriers, user, chat)
			}
		})
	}
	for n, i := range w.instances {
		b.doing.Go(func() { b.watch(ctx, n, i) })
	}
	return b
}

func (b *bystanders) end() {
	b.stop()
	b.doing.Wait()
}

// round performs each operation once.
func (b *bystanders) round(ctx context.Context, i *instance, over carrier, user, chat string) {
	b.time(ctx, sends, func() error {
		return post(ctx, b.w.client, i, user, sendMessage, vars{"chat": chat, "content": "beside"}, nil)
	})
	b.time(ctx, queries, func() error {
		return post(ctx, b.w.client, i, user, readChat, vars{"id": chat}, nil)
	})
	b.time(ctx, queries, func() error {
		return post(ctx, b.w.client, i, user, listChats, nil, nil)
	})
	b.time(ctx, streams, func() error {
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		defer cancel()
		s, err := over.open(ctx, b.w.client, i, user, chat, "")
		if err != nil {
			return err
		}
		defer s.close()
		f, err := s.read(ctx)
		if err == nil {
			_, err = f.decode()
		}
		return err
	})
	pause(5 * time.Millisecond)
}

// time runs and records one operation, unless the bystander was stopped meanwhile.
func (b *bystanders) time(ctx context.Context, kind string, do func() error) {
	at := time.Now()
	err := do()
	took := time.Since(at)
	if ctx.Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, call{kind, at, took, err})
}

// watch polls an instance's /readyz ten times a second.
func (b *bystanders) watch(ctx context.Context, n int, i *instance) {
	for ctx.Err() == nil {
		status, text, err := i.readyz(b.w.client)
		b.mu.Lock()
		b.observed++
		if status != http.StatusOK {
			b.unready = append(b.unready, fmt.Sprintf("instance %d: %d %s %v", n, status, text, err))
		}
		b.mu.Unlock()
		pause(100 * time.Millisecond)
	}
}

// within returns the durations of the calls of a kind that began in the window, and the errors of the failed ones.
func within(calls []call, kind string, w window) (took []time.Duration, failed []error) {
	for _, c := range calls {
		if c.kind != kind || !w.has(c.at) {
			continue
		}
		took = append(took, c.took)
		if c.err != nil {
			failed = append(failed, c.err)
		}
	}
	return took, failed
}

// judge compares the calls during a fault with the slower of before and after, so that the server is not blamed when
// the machine itself got busier.
func (b *bystanders) judge(before, trouble, after window) {
	b.r.Helper()
	b.end()
	for _, kind := range []string{sends, queries, streams} {
		v := judgeBeside(b.calls, kind, before, trouble, after)
		v.quiet = max(v.quiet, b.r.hiccup)
		for _, err := range v.failed[:min(3, len(v.failed))] {
			b.r.Logf("beside it, %s: %v", kind, err)
		}
		b.r.limit(v.ok(), "others' %s: %d (before %d), %d failed, p99 %.1f ms, worst %.0f ms; quiet p99 %.1f ms, limit %.1f ms",
			kind, v.count, v.earlier, len(v.failed), ms(v.p99), ms(v.worst), ms(v.quiet), ms(bearable(v.quiet)))
	}
	for _, text := range b.unready[:min(3, len(b.unready))] {
		b.r.Log(text)
	}
	b.r.limit(b.observed > 0 && len(b.unready) == 0, "/readyz was requested %d times and was not ready %d times", b.observed, len(b.unready))
}

// beside is the effect of a fault on bystanders.
type beside struct {
	count, earlier int // calls during it, and before
	failed         []error
	p99, worst     time.Duration
	quiet          time.Duration // p99
}

func judgeBeside(calls []call, kind string, before, trouble, after window) beside {
	took, failed := within(calls, kind, trouble)
	earlier, _ := within(calls, kind, before)
	later, _ := within(calls, kind, after)
	return beside{
		count: len(took), earlier: len(earlier), failed: failed,
		p99: quantile(took, 0.99), worst: quantile(took, 1),
		quiet: max(quantile(earlier, 0.99), quantile(later, 0.99)),
	}
}

// ok is also false when too few calls were made: their p99 means nothing.
func (v beside) ok() bool {
	const few = 20
	return v.earlier >= few && v.count >= few && len(v.failed) == 0 && v.p99 <= bearable(v.quiet)
}

// crowd is many callers that write to one chat, each one message at a time. They wait as long as the server tells them
// to.
type crowd struct {
	l     *traffic
	room  room
	stop  context.CancelFunc
	doing sync.WaitGroup

	mu          sync.Mutex
	first       time.Time // when the first message was answered
	answered    int
	refused     int // told to retry later
	unspecified int // refused without a time for the retry
}

// storm starts a crowd of this many callers.
func (l *traffic) storm(room room, callers int) *crowd {
	ctx, stop := context.WithCancel(context.Background())
	c := &crowd{l: l, room: room, stop: stop}
	l.r.Cleanup(c.end)
	for n := range callers {
		c.doing.Go(func() {
			for ctx.Err() == nil {
				c.write(n)
			}
		})
	}
	return c
}

// end waits for the calls in flight.
func (c *crowd) end() {
	c.stop()
	c.doing.Wait()
}

// write repeats one message until it is answered, for half a minute at most.
func (c *crowd) write(n int) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	id := db.NewID()
	for ctx.Err() == nil {
		var answer sent
		err := post(ctx, c.l.w.client, c.l.w.instances[n%len(c.l.w.instances)], c.room.owner, sendMessage,
			vars{"id": id, "chat": c.room.id, "content": "from the crowd"}, &answer)
		if err == nil {
			c.came(answered{c.room.id, id, answer.SendMessage.Message.Seq})
			return
		}
		pause(c.retryDelay(err))
	}
	c.l.problem(fmt.Sprintf("message %s of the crowd was never answered", id))
}

func (c *crowd) came(a answered) {
	c.mu.Lock()
	if c.answered++; c.first.IsZero() {
		c.first = time.Now()
	}
	c.mu.Unlock()
	c.l.mu.Lock()
	defer c.l.mu.Unlock()
	c.l.answers = append(c.l.answers, a)
}

// retryDelay returns how long to wait before the retry.
func (c *crowd) retryDelay(err error) time.Duration {
	f, _ := err.(failure) //nolint:errorlint // post returns it as it is
	if f.Extensions.Code != "UNAVAILABLE" {
		c.l.problem(fmt.Sprintf("the crowd: %v", err))
		return time.Second
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused++
	if f.Extensions.RetryAfterMs <= 0 {
		c.unspecified++
		return 100 * time.Millisecond
	}
	return time.Duration(f.Extensions.RetryAfterMs * float64(time.Millisecond))
}

// firstAnswer returns when the first message was answered, or zero.
func (c *crowd) firstAnswer() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// report records the outcome. Call it after end.
func (c *crowd) report(callers int) {
	c.l.r.limit(c.unspecified == 0 && c.answered > 0, "%d callers of the stuck chat: %d messages answered, %d times refused with UNAVAILABLE, %d of those without retryAfterMs", callers, c.answered, c.refused, c.unspecified)
}
