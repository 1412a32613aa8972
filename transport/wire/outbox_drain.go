package wire

import (
	"io"
	"time"
)

// drain writes until the queue is empty. A slow write is not interrupted, because the close frame of a socket has to come after a
// whole frame: the owner closes the connection some time later.
func (o *Outbox) drain(to io.Writer) {
	slow := time.AfterFunc(WriteTimeout, o.owner.Slow)
	defer slow.Stop()
	for f, more := o.takeOrStop(); more; f, more = o.takeOrStop() {
		if !f.final && time.Since(f.since) > WriteTimeout {
			o.room.Release(f.weight)
			o.owner.Slow()
			continue
		}
		slow.Reset(TimeFor(len(f.bytes)))
		_, err := to.Write(f.bytes)
		slow.Stop()
		o.room.Release(f.weight)
		o.owner.Waited(time.Since(f.since))
		switch {
		case err != nil:
			o.owner.Broken()
		case f.last:
			o.owner.Written()
		}
	}
}

// takeOrStop takes the frames that leave next, as one. The goroutine ends when there are none.
func (o *Outbox) takeOrStop() (f frame, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		o.queue, o.draining, o.writing = nil, false, 0
		return frame{}, false
	}
	n, size := 1, len(o.queue[0].bytes)
	for n < len(o.queue) && size+len(o.queue[n].bytes) <= OutboxBytes {
		size += len(o.queue[n].bytes)
		n++
	}
	f = o.queue[0]
	if n > 1 {
		f.bytes = append(make([]byte, 0, size), f.bytes...)
	}
	for _, next := range o.queue[1:n] {
		f.bytes, f.weight, f.last = append(f.bytes, next.bytes...), f.weight+next.weight, next.last
	}
	o.queue, o.writing = o.queue[n:], len(f.bytes)
	return f, true
}

// TimeFor is how long that many bytes may take to be written: longer for a large answer, at 256 KB per second.
func TimeFor(size int) time.Duration {
	return WriteTimeout + time.Duration(size)*time.Second/(256<<10)
}
