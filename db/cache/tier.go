package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the decoded bodies of a process. A chat with 50 messages of 200 bytes takes 20 KB.
const (
	tierBytes   = 64 << 20
	tierEntries = 20_000
)

// tier keeps the newest used bodies decoded, so that a hit costs a look at the header in Redis and no decoding. It decides nothing:
// a body is served only while Redis holds the fill that it was decoded from, so what is here may be as old as it likes.
//
// The LRU is simplelru behind one lock: it is exact, and a look takes less than a hundredth of the question to Redis. Rejected: otter, whose
// bound is either on bytes or on entries and is kept in the background.
type tier struct {
	mu       sync.Mutex
	bodies   *simplelru.LRU[string, decoded]
	bytes    int
	maxBytes int
}

// decoded is the body of one fill. Its readers share it.
type decoded struct {
	fill  fillID
	body  any
	bytes int
}

func newTier(maxBytes, maxEntries int) *tier {
	t := &tier{maxBytes: maxBytes}
	t.bodies, _ = simplelru.NewLRU(maxEntries, func(_ string, d decoded) { t.bytes -= d.bytes }) // fails for sizes below 1
	return t
}

// get returns what is kept under the key.
func (t *tier) get(key string) (decoded, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bodies.Get(key)
}

// put keeps the body instead of what was there.
func (t *tier) put(key string, d decoded) {
	d.bytes += len(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bodies.Remove(key) // an Add over it would not tell of the old one
	t.bodies.Add(key, d)
	t.bytes += d.bytes
	t.shrink()
}

// grow counts so many bytes more, or fewer, for what was rendered from the body. It is false when the body is not kept any more.
func (t *tier) grow(key string, fill fillID, bytes int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok := t.bodies.Peek(key)
	if !ok || d.fill != fill {
		return false
	}
	d.bytes += bytes
	t.bodies.Add(key, d)
	t.bytes += bytes
	t.shrink()
	return true
}

// shrink evicts what was not used for longest until the rest fits. The caller holds t.mu.
func (t *tier) shrink() {
	for t.bytes > t.maxBytes {
		t.bodies.RemoveOldest()
	}
}

// drop forgets the body of a fill that is no longer in Redis: it can never be served again.
func (t *tier) drop(key string, fill fillID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d, ok := t.bodies.Peek(key); ok && d.fill == fill {
		t.bodies.Remove(key)
	}
}
