package wire

import "time"

// Waiting is what an outbox holds back for its client.
type Waiting struct {
	Frames int
	Bytes  int       // the frames', and those that the kernel does not take now
	Since  time.Time // when the oldest frame was queued; zero without one
}

// Waiting says what waits now. Nothing is counted while frames pass: it looks into the queue, which is short.
func (o *Outbox) Waiting() Waiting {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := Waiting{Frames: len(o.queue), Bytes: o.writing}
	for _, f := range o.queue {
		w.Bytes += len(f.bytes)
	}
	if w.Frames > 0 {
		w.Since = o.queue[0].since
	}
	return w
}
