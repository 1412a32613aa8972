package wire

import (
	"io"
	"strconv"
	"sync"
)

// OpenResponse is Open for a response of HTTP/1. Its head is sent with the first frame. If it is chunked each frame becomes a chunk,
// and the frame given to Last the last but one.
func (o *Outbox) OpenResponse(to io.Writer, head []byte, chunked bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to, o.head, o.chunked = to, head, chunked
	if raw := kernelOf(to); raw != nil {
		o.kernel = &output{raw: raw}
		o.kernel.try = o.kernel.writeNow
	}
	for i := range o.queue {
		if f := &o.queue[i]; !f.final {
			f.bytes = o.appendLocked(nil, *f)
		}
	}
	o.startLocked()
}

// Begun says whether anything was sent since Open, or is about to be.
func (o *Outbox) Begun() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.begun
}

// chunks are buffers for frames of responses.
var chunks = sync.Pool{New: func() any { return new([]byte) }}

// formLocked gives a frame the form of the response, in a buffer that is borrowed for it.
func (o *Outbox) formLocked(f *frame) (buffer *[]byte) {
	buffer, _ = chunks.Get().(*[]byte)
	if cap(*buffer) > OutboxBytes { // after a large answer
		buffer = new([]byte)
	}
	*buffer = o.appendLocked((*buffer)[:0], *f)
	f.bytes = *buffer
	return buffer
}

// appendLocked appends a frame in the form of the response, behind the head if that was not sent.
func (o *Outbox) appendLocked(to []byte, f frame) []byte {
	o.begun = true
	to = append(to, o.head...)
	o.head = nil
	if !o.chunked || len(f.bytes) == 0 { // an empty chunk would be the end
		return append(to, f.bytes...)
	}
	to = AppendChunk(to, f.bytes)
	if f.last {
		to = append(to, "0\r\n\r\n"...)
	}
	return to
}

// AppendChunk appends bytes as one chunk. There must be some.
func AppendChunk(to, bytes []byte) []byte {
	to = append(strconv.AppendInt(to, int64(len(bytes)), 16), "\r\n"...)
	return append(append(to, bytes...), "\r\n"...)
}

// EndUnbegun is End if nothing was sent since Open; otherwise it does nothing and is false.
func (o *Outbox) EndUnbegun(final []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.begun {
		return false
	}
	o.endLocked(final)
	return true
}
