package rate

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// maxBuckets bounds the memory of one limiter: some 20 MB, with keys of 40 bytes.
const maxBuckets = 100_000

// Memory is a Limiter for one process.
//
// Only buckets that owe something are kept, in a heap with the bucket that will be full first at the top. The heap tells both
// which buckets are full and can be forgotten, and which one to drop when there are too many: the one that owes least.
//
// So a flood of keys does not free an attacker. An exhausted bucket is forgotten only when all the other 99,999 owe more, so each
// permit that the attacker regains costs 99,999 spent elsewhere, within the time of one Burst.
// Rejected: dropping the oldest or a random one (a flood of single permits under new keys, as many as there are
// addresses, would free the attacker), and refusing new keys (a flood would lock out everybody else). The price of
// a full table: new keys are soon forgotten, so it admits too much rather than too little.
type Memory struct {
	start time.Time // all times are relative to it, by the monotonic clock
	room  int

	refused *refusals

	mu      sync.Mutex // one for all buckets: it is held for less than a microsecond
	buckets map[string]*bucket
	owing   owing
}

type bucket struct {
	key   string
	tat   time.Duration // since start
	index int           // in owing
}

// NewMemory returns a limiter that counts in the memory of this process.
func NewMemory() *Memory { return newMemory(maxBuckets) }

func newMemory(room int) *Memory {
	return &Memory{start: time.Now(), room: room, refused: new(refusals), buckets: map[string]*bucket{}}
}

// Take implements Limiter.
func (m *Memory) Take(_ context.Context, key string, n int, limit Limit) time.Duration {
	cost, most, wait, known := limit.price(n)
	if known {
		return wait
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Since(m.start)
	m.forgetFull(now)
	b, ok := m.buckets[key]
	if !ok {
		b = &bucket{key: key, tat: now}
	}
	next, wait := take(b.tat, now, cost, most)
	if wait > 0 {
		m.refused.count(key, "memory")
		return wait
	}
	b.tat = next
	if ok {
		heap.Fix(&m.owing, b.index)
		return 0
	}
	if len(m.buckets) >= m.room {
		m.forgetFirst()
	}
	m.buckets[key] = b
	heap.Push(&m.owing, b)
	return 0
}

// correct takes over what a shared store knows: permits that were taken here and refused there are given back, and the bucket
// owes at least what it owes there. Debt is measured from now, because the reply is slightly old; a retry after the advertised
// wait must not come too early.
//
// Permits that other calls took here meanwhile, and that Redis will refuse too, count until then. They may cause a refusal without
// asking Redis, for at most the time of one answer.
func (m *Memory) correct(key string, back, owes time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.buckets[key]
	if !ok {
		return // forgotten: the bucket is full again, or the table was full
	}
	b.tat = max(b.tat-back, time.Since(m.start)+owes)
	heap.Fix(&m.owing, b.index)
}

// forgetFull drops buckets that are full again, which changes no answer. It drops two per call: more than a call can add, so the
// table shrinks, and no single call has to clear up after a flood.
func (m *Memory) forgetFull(now time.Duration) {
	for range 2 {
		if len(m.owing) > 0 && m.owing[0].tat <= now {
			m.forgetFirst()
		}
	}
}

func (m *Memory) forgetFirst() {
	delete(m.buckets, heap.Pop(&m.owing).(*bucket).key)
}

// owing is a heap of buckets; the first is the one that will be full first.
type owing []*bucket

func (o owing) Len() int           { return len(o) }
func (o owing) Less(i, j int) bool { return o[i].tat < o[j].tat }

func (o owing) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].index, o[j].index = i, j
}

// Push implements heap.Interface.
func (o *owing) Push(x any) {
	b := x.(*bucket)
	b.index = len(*o)
	*o = append(*o, b)
}

// Pop implements heap.Interface.
func (o *owing) Pop() any {
	last := len(*o) - 1
	b := (*o)[last]
	(*o)[last] = nil
	*o = (*o)[:last]
	return b
}
