package persisted

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestMemoryIsBoundedByBytes: whatever the sizes, what is counted stays below the bound, and the count is right.
func TestMemoryIsBoundedByBytes(t *testing.T) {
	t.Parallel()
	const bound = 100_000
	for _, size := range []int{1, 100, 5_000, MaxDocument} {
		m := NewMemory(bound)
		for i := range 2_000 {
			put(t, m, fmt.Sprintf("%0*d", size, i))
			if m.bytes > bound {
				t.Fatalf("documents of %d bytes: %d bytes after %d", size, m.bytes, i+1)
			}
		}
		counted := 0
		for _, hash := range m.byHash.Keys() {
			document, _ := m.byHash.Peek(hash)
			counted += entrySize(hash, document)
		}
		if counted != m.bytes || counted == 0 {
			t.Errorf("documents of %d bytes: %d counted, %d there", size, m.bytes, counted)
		}
	}
}

// TestMemoryHoldsWhatItSays: the heap grows by no more than the bound when tiny documents come without end.
func TestMemoryHoldsWhatItSays(t *testing.T) { //nolint:paralleltest // it measures the heap
	const bound = 4 << 20
	before := heap()
	m := NewMemory(bound)
	for i := range 100_000 {
		put(t, m, fmt.Sprint("{a", i, "}"))
	}
	if grown := heap() - before; grown > bound || grown < bound/4 {
		t.Errorf("the heap grew by %d bytes; the bound is %d", grown, bound)
	}
	runtime.KeepAlive(m)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestMemoryForgetsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	document := func(c string) string { return strings.Repeat(c, 1000) }
	size := entrySize(Hash(""), document("a"))
	m := NewMemory(3 * size)
	for _, c := range []string{"a", "b", "c"} {
		put(t, m, document(c))
	}
	has(t, m, document("a")) // read
	put(t, m, document("b")) // written again
	put(t, m, document("d"))
	hasNot(t, m, document("c"))
	for _, c := range []string{"a", "b", "d"} {
		has(t, m, document(c))
	}
}

func TestMemorySmallerThanADocument(t *testing.T) {
	t.Parallel()
	m := NewMemory(100)
	put(t, m, "{ a }")
	hasNot(t, m, "{ a }")
	if m.bytes != 0 {
		t.Errorf("%d bytes", m.bytes)
	}
}

func BenchmarkMemoryGet(b *testing.B) {
	m := NewMemory(0)
	hash := put(b, m, strings.Repeat("x", 2000))
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, ok := m.Get(hash); !ok {
				b.Error("not there")
			}
		}
	})
}
