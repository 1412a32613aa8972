package tally

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Family is one V for each K that was asked for. There should be few of them, since none is forgotten: K is made of kinds, codes and
// reasons of the program, never of anything that a client may choose.
type Family[K comparable, V any] struct {
	mu    sync.Mutex               // of those who add
	known atomic.Pointer[map[K]*V] // never changed, but replaced
}

// Of returns the V of a key. For a key that was asked for before it takes no lock.
func (f *Family[K, V]) Of(key K) *V {
	if v, ok := f.All()[key]; ok {
		return v
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, ok := f.All()[key]; ok {
		return v
	}
	known := maps.Clone(f.All())
	if known == nil {
		known = map[K]*V{}
	}
	v := new(V)
	known[key] = v
	f.known.Store(&known)
	return v
}

// All returns every V by its key. The map must not be changed.
func (f *Family[K, V]) All() map[K]*V {
	if known := f.known.Load(); known != nil {
		return *known
	}
	return nil
}
