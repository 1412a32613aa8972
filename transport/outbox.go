package transport

import (
	"context"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of an outbox. A client that reads 6.4 KB per second is fast enough.
const (
	outboxFrames = 64
	outboxBytes  = 64 << 10
)

// outbox is the queue between the operations of a connection and the one goroutine that writes to it, bounded in frames and
// bytes. When it is full the operations wait, each with one frame and its place in the log, so a slow client costs bounded
// memory and does not slow others down. A client is too slow when a frame has waited too long.
type outbox struct {
	frames chan *frame // pointers, so that a quiet connection needs no memory for frames
	room   *semaphore.Weighted
}

type frame struct {
	bytes []byte
	since time.Time // when it was added
	last  bool      // the connection ends in order after it
	raw   bool      // bytes for the connection itself rather than a message of the socket
}

func newOutbox() *outbox {
	return &outbox{frames: make(chan *frame, outboxFrames), room: semaphore.NewWeighted(outboxBytes)}
}

// put waits for room. A frame that needs all of it has been written when put returns. The error is that of ctx, which ends with
// the connection at the latest.
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

// putLast is put for the frame after which the connection ends in order.
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

// written frees the room of a frame that was received from frames.
func (o *outbox) written(f *frame) { o.room.Release(weight(f.bytes)) }

// timeFor is how long a frame may take to be written: longer for a large answer, at 256 KB per second.
func timeFor(bytes []byte) time.Duration {
	return writeTimeout + time.Duration(len(bytes))*time.Second/(256<<10)
}

// late says whether the client is too slow.
func (f *frame) late() bool { return time.Since(f.since) > writeTimeout }

// weight caps a frame at the whole budget, so that a larger one waits until the outbox is empty.
func weight(bytes []byte) int64 { return int64(min(len(bytes), outboxBytes)) }
