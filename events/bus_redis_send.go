package events

import (
	"context"
	"errors"
	"math/bits"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sendQueue = 4096 // pokes that wait for the sender; more are dropped and told as a gap
	// Of each lane of a cluster: the pokes of 64 queues of 512 take as much memory as those of eight full ones.
	sendQueueSharded = 512
	sendBatch        = 128                    // pokes in one round trip
	sendTimeout      = 250 * time.Millisecond // one round trip
	flushTimeout     = 500 * time.Millisecond // what Stop spends on the rest of the queue

	probeEvery  = time.Second
	reviveEvery = 500 * time.Millisecond // probes while sending fails
)

// gapMessage, after the instance id, tells the other instances that pokes of the channel were never sent.
const gapMessage = "gap"

// enqueue hands the poke to the sender, or notes that it was lost: never waits.
func (l *lane) enqueue(poke Poke) {
	if !l.unsending.Load() {
		select {
		case l.queue <- poke:
			return
		default:
		}
	}
	l.missed.Or(1 << poke.Topic.Partition())
}

// sendForEver sends what is queued, and the probes. Both take the same way, so that a probe which comes back proves that pokes
// get through.
func (l *lane) sendForEver(ctx context.Context) {
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	for {
		var batch []Poke
		probe := true
		select {
		case <-ctx.Done():
			l.flush(context.WithoutCancel(ctx))
			return
		case <-timer.C:
			if l.idle() {
				timer.Reset(probeEvery)
				continue
			}
		case <-l.probes:
		case poke := <-l.queue:
			batch, probe = l.batch(poke), false
		}
		l.send(ctx, batch, probe)
		if probe {
			timer.Reset(l.probeWait())
		}
	}
}

// idle says that a probe would tell nothing: nobody here listens, and no gap waits to be told.
func (l *lane) idle() bool {
	return l.wanted() == 0 && l.missed.Load() == 0 && !l.unsending.Load()
}

func (l *lane) probeWait() time.Duration {
	if l.unsending.Load() {
		return reviveEvery
	}
	return probeEvery
}

// batch collects what is queued already.
func (l *lane) batch(first ...Poke) []Poke {
	for len(first) < sendBatch {
		select {
		case poke := <-l.queue:
			first = append(first, poke)
		default:
			return first
		}
	}
	return first
}

// send publishes in one round trip. What fails is not tried again: the receivers sweep, and are told by a gap
// message as soon as Redis takes messages again.
func (l *lane) send(ctx context.Context, batch []Poke, probe bool) {
	missed := l.missed.Swap(0)
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := l.bus.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		publish := pipe.Publish
		if l.bus.sharded {
			publish = pipe.SPublish
		}
		for _, poke := range batch {
			message, err := encodePoke(l.bus.instance, poke)
			if err != nil {
				l.bus.log.Error("a poke cannot be encoded", "topic", poke.Topic, "seq", poke.Seq, "error", err)
				continue
			}
			publish(ctx, l.bus.channel(poke.Topic.Partition()), message)
		}
		for left := missed; left != 0; left &= left - 1 {
			publish(ctx, l.bus.channel(bits.TrailingZeros64(left)), l.bus.instance+gapMessage)
		}
		if probe {
			publish(ctx, l.own, strconv.FormatInt(l.token.Load(), 10))
		}
		return nil
	})
	if err != nil {
		l.missed.Or(missed)
		l.drop(batch)
	}
	l.unsending.Store(err != nil)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		// Who cannot send will hardly be heard either, and notices it sooner than the probes do: sweep from now on. If it
		// was one lost round trip, the next probe that comes back ends that.
		l.bus.heard(l, false)
	}
}

// drop gives up on the batch and on what is queued behind it: while Redis hangs, everything would wait in vain.
func (l *lane) drop(batch []Poke) {
	l.unsending.Store(true)
	for ; len(batch) > 0; batch = l.batch() {
		for _, poke := range batch {
			l.missed.Or(1 << poke.Topic.Partition())
		}
	}
}

// flush sends what is left when the bus stops.
func (l *lane) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for ctx.Err() == nil && !l.unsending.Load() {
		batch := l.batch()
		if len(batch) == 0 {
			return
		}
		l.send(ctx, batch, false)
	}
}
