package db

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Rendered keeps what a process has rendered from one body, a chat or a list of chats, which it serves many times. It hangs on the body
// itself. So it is never shown for another fill of the cache, for another viewer's list, or after the cache has stopped to serve
// the body, and it needs no invalidation of its own. Bodies do not change; a copy of one, which may be changed, has no Rendered.
type Rendered struct {
	of   any // the body
	grow func(bytes int) bool

	mu   sync.Mutex // of writers
	kept atomic.Pointer[[]*Rendering]
}

// Rendering is the bytes that one selection of one plan gave for a body. It does not change.
type Rendering struct {
	Selection uint64 // a number that no other selection of this process has
	Arguments string // the values of the variables that its fields use
	Bytes     []byte
	Counted   int    // bytes of text, for the answer's budget
	Facts     []Fact // what it shows beside the body
}

// Fact is something beside the body that a rendering shows.
type Fact interface {
	// Holds reports whether rendering again at this time would find the same, without reading.
	Holds(now time.Time) bool
}

// Bounds of what is kept of one body.
const (
	maxRenderings   = 4
	maxRendering    = 64 << 10 // bytes
	renderingMemory = 160      // bytes of a Rendering beside its texts and facts
	factMemory      = 16
)

// newRendered makes one for a body. grow is called with how many bytes of memory more are to be kept, or fewer; it returns false when
// the body is no longer kept, and then nothing is.
func newRendered(of any, grow func(bytes int) bool) *Rendered {
	r := &Rendered{of: of, grow: grow}
	r.kept.Store(new([]*Rendering))
	return r
}

// Find returns what was kept, if it shows nothing that has changed since.
func (r *Rendered) Find(selection uint64, arguments []byte) *Rendering {
	for _, k := range *r.kept.Load() {
		if k.Selection == selection && k.Arguments == string(arguments) && k.holds() {
			return k
		}
	}
	return nil
}

func (k *Rendering) holds() bool {
	if len(k.Facts) == 0 {
		return true
	}
	now := time.Now()
	return !slices.ContainsFunc(k.Facts, func(f Fact) bool { return !f.Holds(now) })
}

// Keep keeps a rendering, instead of an earlier one of the same selection and arguments, or else of the oldest when there are too many.
func (r *Rendered) Keep(k *Rendering) {
	if len(k.Bytes) > maxRendering {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := *r.kept.Load()
	next := slices.DeleteFunc(slices.Clone(before), func(old *Rendering) bool { return old.Selection == k.Selection && old.Arguments == k.Arguments })
	if len(next) == maxRenderings {
		next = next[1:]
	}
	next = append(next, k)
	if r.grow(memory(next) - memory(before)) {
		r.kept.Store(&next)
	}
}

func memory(all []*Rendering) (bytes int) {
	for _, k := range all {
		bytes += renderingMemory + len(k.Arguments) + cap(k.Bytes) + factMemory*cap(k.Facts)
	}
	return bytes
}
