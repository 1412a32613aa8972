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

// Held is what was acquired of a quota.
type Held struct {
	quota *Quota // nil: nothing
	key   string
	n     int
}

// Acquire adds n to what the key holds, or returns false if it would then hold more than limit; limit 0 means no limit. A
// key that holds nothing may exceed the limit, so that a single oversized answer still passes, alone.
func (q *Quota) Acquire(key string, n, limit int) (held Held, ok bool) {
	if limit == 0 {
		return Held{}, true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if before := q.held[key]; before > 0 && before+n > limit {
		return Held{}, false
	}
	q.held[key] += n
	return Held{q, key, n}, true
}

// Release gives it back. A second call does nothing.
func (h *Held) Release() {
	q := h.quota
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held[h.key] -= h.n; q.held[h.key] <= 0 {
		delete(q.held, h.key)
	}
	h.n = 0
}
