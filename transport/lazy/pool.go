package lazy

import "sync"

// MaxPooled is how many bytes a buffer may have that is kept: larger ones are rare, and would stay large for ever.
const MaxPooled = 64 << 10

// Buffer is bytes that are used again. A function that lets them grow stores the grown slice.
type Buffer struct{ Bytes []byte }

// Pool keeps buffers. The zero value is empty.
type Pool struct{ pool sync.Pool }

// Get returns a buffer whose bytes may hold anything.
func (p *Pool) Get() *Buffer {
	if buffer, ok := p.pool.Get().(*Buffer); ok {
		return buffer
	}
	return &Buffer{Bytes: make([]byte, 0, 4<<10)}
}

// Put gives a buffer back. Nothing may use its bytes any more.
func (p *Pool) Put(b *Buffer) {
	if cap(b.Bytes) <= MaxPooled {
		p.pool.Put(b)
	}
}
