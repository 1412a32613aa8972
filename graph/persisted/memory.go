package persisted

import (
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// DefaultMaxBytes is how much a Memory keeps unless told otherwise: some 4,000 documents of 2 KB.
	DefaultMaxBytes = 8 << 20

	// entryOverhead is about what an entry costs besides its text: the element, the entry and its place in the map.
	// Without it, tiny documents would cost many times what is counted.
	entryOverhead = 256
)

// Memory keeps documents in this process, bounded by their bytes; the one that was used least recently goes first.
//
// It counts the bytes itself, because small cache libraries bound the number of entries rather than bytes, or evict in the
// background, so that the bound holds only later. One lock is enough: it is held for about 20 ns, at most once per request.
type Memory struct {
	maxBytes int

	mu     sync.Mutex
	bytes  int
	byHash *simplelru.LRU[string, string]
}

func entrySize(hash, document string) int { return len(hash) + len(document) + entryOverhead }

var _ Store = (*Memory)(nil)

// NewMemory makes a store of maxBytes at most: texts, hashes and what the bookkeeping takes. Zero means DefaultMaxBytes.
func NewMemory(maxBytes int) *Memory {
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	byHash, _ := simplelru.NewLRU[string, string](maxBytes, nil) // Put bounds it; so many entries never fit
	return &Memory{maxBytes: maxBytes, byHash: byHash}
}

// Get implements Store.
func (m *Memory) Get(hash string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byHash.Get(hash)
}

// Put implements Store.
func (m *Memory) Put(hash, document string) {
	if len(document) > MaxDocument || entrySize(hash, document) > m.maxBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.byHash.Get(hash); ok {
		return // the same hash is the same document
	}
	// Clones, since the text may be a part of something larger, which would be kept in memory without being counted.
	m.byHash.Add(strings.Clone(hash), strings.Clone(document))
	m.bytes += entrySize(hash, document)
	for m.bytes > m.maxBytes {
		oldest, forgotten, _ := m.byHash.RemoveOldest()
		m.bytes -= entrySize(oldest, forgotten)
	}
}
