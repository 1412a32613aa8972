package persisted

import (
	"container/list"
	"strings"
	"sync"
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
// It is written by hand because small cache libraries bound the number of entries rather than bytes, or evict in the background,
// so that the bound holds only later. One lock is enough: it is held for about 20 ns, at most once per request.
type Memory struct {
	maxBytes int

	mu     sync.Mutex
	bytes  int
	recent *list.List // of *entry, the most recently used first
	byHash map[string]*list.Element
}

type entry struct{ hash, document string }

func (e *entry) size() int { return len(e.hash) + len(e.document) + entryOverhead }

var _ Store = (*Memory)(nil)

// NewMemory makes a store of maxBytes at most: texts, hashes and what the bookkeeping takes. Zero means DefaultMaxBytes.
func NewMemory(maxBytes int) *Memory {
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	return &Memory{maxBytes: maxBytes, recent: list.New(), byHash: map[string]*list.Element{}}
}

// Get implements Store.
func (m *Memory) Get(hash string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	element, ok := m.byHash[hash]
	if !ok {
		return "", false
	}
	m.recent.MoveToFront(element)
	return element.Value.(*entry).document, true
}

// Put implements Store.
func (m *Memory) Put(hash, document string) {
	// Clones, since the text may be a part of something larger, which would be kept in memory without being counted.
	added := &entry{hash: strings.Clone(hash), document: strings.Clone(document)}
	if len(document) > MaxDocument || added.size() > m.maxBytes {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if element, ok := m.byHash[hash]; ok {
		m.recent.MoveToFront(element) // the same hash is the same document
		return
	}
	m.byHash[added.hash] = m.recent.PushFront(added)
	m.bytes += added.size()
	for m.bytes > m.maxBytes {
		oldest := m.recent.Remove(m.recent.Back()).(*entry)
		delete(m.byHash, oldest.hash)
		m.bytes -= oldest.size()
	}
}
