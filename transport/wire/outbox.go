// Package wire is what the transports have between them and a connection: an outbox that bounds what waits for a slow reader, an
// input that is paced and holds no buffer while a client is quiet, and timers that thousands of connections share. A quiet
// connection costs one goroutine, which reads, and no buffer.
package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"
)

// Bounds of an outbox. A client that reads 6.4 KB per second is fast enough.
const (
	OutboxFrames = 64
	OutboxBytes  = 64 << 10

	// WriteTimeout is how long a frame may take from the outbox to the kernel. A slower client is disconnected and may resume.
	WriteTimeout = 8 * time.Second
)

// ErrEnded refuses a frame after the end.
var ErrEnded = errors.New("the connection has ended")

// Owner is told about its outbox. Nothing is called while the outbox is locked.
type Owner interface {
	Slow() // the client is too slow: the owner must call End
	// Waited says how long the oldest frame of a write was queued until it was written. What is written at once is not told.
	Waited(time.Duration)
	Written() // the last frame is written
	Broken()  // the connection cannot be written to: the owner must call End
}

// Outbox is the queue between the operations of a connection and the connection, bounded in frames and bytes. When it is full
// the operations wait, each with one frame and its place in the log, so a slow client costs bounded memory and does not slow
// others down. A client is too slow when a frame has waited too long.
//
// A frame is written at once by its caller, as far as the kernel takes it without waiting. The rest is queued and a goroutine,
// which exists as long as something waits, writes it. What gathers meanwhile leaves in one write.
type Outbox struct {
	owner      Owner
	room       *semaphore.Weighted
	goroutines sync.WaitGroup

	mu       sync.Mutex
	to       io.Writer // nil: everything is queued
	kernel   *output   // of to; nil: a goroutine does all of the writing
	head     []byte    // of a response, that goes with the first frame
	chunked  bool      // a response in HTTP/1.1 (RFC 9112, 7.1)
	begun    bool      // something was sent or queued after Open
	queue    []frame   // nil when it is empty
	writing  int       // bytes that were taken from the queue and are not written yet
	draining bool
	ended    bool // nothing more is queued
}

type frame struct {
	bytes  []byte
	since  time.Time // when it was queued
	weight int64     // of the room that it has
	last   bool
	final  bool // given to End: it may wait for what is being written
}

// output writes to the kernel.
type output struct {
	raw   syscall.RawConn
	bytes []byte
	n     int
	try   func(fd uintptr) // o.writeNow, made once
}

// NewOutbox makes an outbox, which fills until Open is called.
func NewOutbox(owner Owner) *Outbox {
	return &Outbox{owner: owner, room: semaphore.NewWeighted(OutboxBytes)}
}

// Open says where the frames go. It is called once.
func (o *Outbox) Open(to io.Writer) { o.OpenResponse(to, nil, false) }

// weight of a frame in bytes of room. A small frame counts as its share of the number of frames. A large one is capped at the
// whole budget, so that it waits until the outbox is empty.
func weight(size int) int64 { return int64(min(max(size, OutboxBytes/OutboxFrames), OutboxBytes)) }

// Put waits for room until ctx ends. The outbox keeps bytes. A frame that needs all of the room has been written when Put returns.
func (o *Outbox) Put(ctx context.Context, bytes []byte) error {
	if err := o.put(ctx, bytes, false); err != nil || len(bytes) < OutboxBytes {
		return err
	}
	if err := o.room.Acquire(ctx, OutboxBytes); err != nil {
		return err
	}
	o.room.Release(OutboxBytes)
	return nil
}

// Last is Put for the frame after which the connection ends in order.
func (o *Outbox) Last(ctx context.Context, bytes []byte) error { return o.put(ctx, bytes, true) }

func (o *Outbox) put(ctx context.Context, bytes []byte, last bool) error {
	need := weight(len(bytes))
	if err := o.acquire(ctx, need); err != nil {
		return err
	}
	if !o.send(frame{bytes: bytes, weight: need, last: last}, true) {
		return ErrEnded
	}
	return nil
}

// acquire waits for room until ctx ends. While there is room, ctx need not make a channel, which would stay in its memory.
func (o *Outbox) acquire(ctx context.Context, need int64) error {
	if err := ctx.Err(); err != nil || o.room.TryAcquire(need) {
		return err
	}
	return o.room.Acquire(ctx, need)
}

// Offer never waits: it is false when there is no room. bytes may be changed when it returns.
func (o *Outbox) Offer(bytes []byte) bool {
	need := weight(len(bytes))
	return o.room.TryAcquire(need) && o.send(frame{bytes: bytes, weight: need}, false)
}

// send writes or queues a frame that has its room. keep says that its bytes need not be copied.
func (o *Outbox) send(f frame, keep bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		o.room.Release(f.weight)
		return false
	}
	if o.head != nil || o.chunked {
		buffer := o.formLocked(&f)
		defer chunks.Put(buffer)
		keep = false
	}
	o.begun = o.to != nil
	written := 0
	if !o.draining && o.kernel != nil && !f.last {
		if written = o.kernel.write(f.bytes); written == len(f.bytes) {
			o.room.Release(f.weight)
			return true
		}
	}
	if f.bytes = f.bytes[written:]; !keep {
		f.bytes = bytes.Clone(f.bytes)
	}
	o.ended = f.last
	o.enqueueLocked(f)
	return true
}

func (k *output) write(bytes []byte) int {
	k.bytes, k.n = bytes, 0
	_ = k.raw.Control(k.try) // not Write, which prepares to wait; an error is seen by the goroutine that writes the rest
	k.bytes = nil
	return k.n
}

func (o *Outbox) enqueueLocked(f frame) {
	f.since = time.Now()
	o.queue = append(o.queue, f)
	o.startLocked()
}

// startLocked starts the goroutine that writes, if there is something to write.
func (o *Outbox) startLocked() {
	if !o.draining && len(o.queue) > 0 && o.to != nil {
		o.draining = true
		o.goroutines.Go(func() { o.drain(o.to) })
	}
}

// End drops what waits, and refuses everything from now on. final follows what is being written; it may be nil, and is dropped
// when the outbox has already ended.
func (o *Outbox) End(final []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.endLocked(final)
}

func (o *Outbox) endLocked(final []byte) {
	for _, f := range o.queue {
		o.room.Release(f.weight)
	}
	o.queue = nil
	if !o.ended && final != nil {
		o.enqueueLocked(frame{bytes: final, last: true, final: true})
	}
	o.ended = true
}

// Wait waits until nothing is written any more. It is called after End, or after Last.
func (o *Outbox) Wait() { o.goroutines.Wait() }
