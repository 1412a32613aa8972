package wire

import (
	"sync"
	"time"
)

// Rounds calls each of its members once in a period, beginning one period after it joined, with one timer for all of them. A
// ticker for each of ten thousand connections would cost as much memory as their sockets' buffers.
type Rounds struct {
	period time.Duration

	mu    sync.Mutex
	list  Turn // a ring, in the order in which they are due
	timer *time.Timer
}

// Turn is a member of Rounds. It must not be copied.
type Turn struct {
	next, previous *Turn
	due            time.Time
	call           func()
}

// NewRounds makes Rounds without members.
func NewRounds(period time.Duration) *Rounds {
	r := &Rounds{period: period}
	r.list.next, r.list.previous = &r.list, &r.list
	return r
}

// Join has call called once in each period. It must not wait.
func (r *Rounds) Join(t *Turn, call func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.call, t.due = call, time.Now().Add(r.period)
	r.append(t)
	if r.list.next == t {
		r.arm()
	}
}

// Leave ends the calls. One that has begun goes on.
func (r *Rounds) Leave(t *Turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.next == nil {
		return
	}
	t.remove()
	if r.list.next == &r.list {
		r.timer.Stop()
	}
}

func (r *Rounds) append(t *Turn) {
	t.previous, t.next = r.list.previous, &r.list
	t.previous.next, t.next.previous = t, t
}

func (t *Turn) remove() {
	t.previous.next, t.next.previous = t.next, t.previous
	t.next, t.previous = nil, nil
}

// arm sets the timer to when the first member is due.
func (r *Rounds) arm() {
	first := r.list.next
	if first == &r.list {
		return
	}
	wait := time.Until(first.due)
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, r.turn)
	} else {
		r.timer.Reset(wait)
	}
}

// turn calls everybody who is due.
func (r *Rounds) turn() {
	for call := r.due(); call != nil; call = r.due() {
		call()
	}
}

// due is the call of a member that is due, which then waits for its next turn. nil: nobody is, and the timer is set.
func (r *Rounds) due() func() {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, now := r.list.next, time.Now()
	if t == &r.list || t.due.After(now) {
		r.arm()
		return nil
	}
	t.remove()
	if t.due = t.due.Add(r.period); t.due.Before(now) { // the process was frozen
		t.due = now.Add(r.period)
	}
	r.append(t)
	return t.call
}
