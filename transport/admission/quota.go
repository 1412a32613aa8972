package admission

import "sync"

// Quota bounds how much of something each key holds on this instance: how many open connections a user or an address has,
// how many bytes of large requests are being read.
type Quota struct {
	mu   sync.Mutex
	held map[string]int // by key; without zeros, so that it is as large as the number of keys that hold something
}

// NewQuota makes a Quota of which nothing is held.
func NewQuota() *Quota { return &Quota{held: map[string]int{}} }

// Acquire adds n to what the key holds, or returns false if it would then hold more than limit; limit 0 means no limit. A
// key that holds nothing may exceed the limit, so that a single oversized answer still passes, alone. release gives n back;
// a second call does nothing.
func (q *Quota) Acquire(key string, n, limit int) (release func(), ok bool) {
	if limit == 0 {
		return func() {}, true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if held := q.held[key]; held > 0 && held+n > limit {
		return nil, false
	}
	q.held[key] += n
	return sync.OnceFunc(func() { q.release(key, n) }), true
}

func (q *Quota) release(key string, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[key] -= n; q.held[key] <= 0 {
		delete(q.held, key)
	}
}
