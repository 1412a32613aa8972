package transport

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of an outbox. At 6.4 KB a second a client is still quick enough.
const (
	outboxFrames = 64
	outboxBytes  = 64 << 10
)

// outbox stands between the operations of a connection and the one goroutine that writes to it. It is bounded in frames
// and in bytes: when it is full the operations wait, each with one frame in its hands and its place in the log, so a slow
// reader costs bounded memory and nobody else anything. How long a frame has waited tells whether the reader is too slow.
type outbox struct {
	frames chan *frame // pointers: a quiet connection pays for none
	room   *semaphore.Weighted
}

type frame struct {
	bytes []byte
	since time.Time // when it was put
	last  bool      // the connection ends in order after it
	raw   bool      // it is what goes over the wire, and no message of a socket
}

func newOutbox() *outbox {
	return &outbox{frames: make(chan *frame, outboxFrames), room: semaphore.NewWeighted(outboxBytes)}
}

// put waits for room, and for a frame that takes all of it until it is written. The error is that of ctx, which ends with the
// connection at the latest.
func (o *outbox) put(ctx context.Context, bytes []byte) error {
	return o.putFrame(ctx, &frame{bytes: bytes})
}

func (o *outbox) putFrame(ctx context.Context, f *frame) error {
	if err := o.add(ctx, f); err != nil || len(f.bytes) < outboxBytes {
		return err
	}
	if err := o.room.Acquire(ctx, outboxBytes); err != nil {
		return err
	}
	o.room.Release(outboxBytes)
	return nil
}

// putLast is put for what ends the connection in order.
func (o *outbox) putLast(ctx context.Context, bytes []byte) error {
	return o.add(ctx, &frame{bytes: bytes, last: true})
}

func (o *outbox) add(ctx context.Context, f *frame) error {
	if err := o.room.Acquire(ctx, weight(f.bytes)); err != nil {
		return err
	}
	f.since = time.Now()
	select {
	case o.frames <- f:
		return nil
	case <-ctx.Done():
		o.room.Release(weight(f.bytes))
		return ctx.Err()
	}
}

// written makes room again for a frame that was received from frames.
func (o *outbox) written(f *frame) { o.room.Release(weight(f.bytes)) }

// timeFor is how long a frame may take to be written: a large answer more than an event, at 256 KB a second.
func timeFor(bytes []byte) time.Duration {
	return writeTimeout + time.Duration(len(bytes))*time.Second/(256<<10)
}

// late says whether the reader takes too long.
func (f *frame) late() bool { return time.Since(f.since) > writeTimeout }

// weight counts a frame that is larger than everything as everything: it goes alone.
func weight(bytes []byte) int64 { return int64(min(len(bytes), outboxBytes)) }
