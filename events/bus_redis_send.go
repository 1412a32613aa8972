package events

import (
	"context"
	"math/bits"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	sendQueue    = 4096                   // pokes that wait for the sender; more are dropped and told as a gap
	sendBatch    = 128                    // pokes in one round trip
	sendTimeout  = 500 * time.Millisecond // one round trip
	flushTimeout = 500 * time.Millisecond // what Stop spends on the rest of the queue

	probeEvery  = time.Second
	reviveEvery = 500 * time.Millisecond // probes while sending fails
)

// gapMessage, after the instance id, tells the other instances that pokes of the channel were never sent.
const gapMessage = "gap"

// enqueue hands the poke to the sender, or notes that it was lost: never waits.
func (b *redisBus) enqueue(poke Poke) {
	if !b.unsending.Load() {
		select {
		case b.queue <- poke:
			return
		default:
		}
	}
	b.missed.Or(1 << poke.Topic.Partition())
}

// sendForEver sends what is queued, and the probes. Both take the same way, so that a probe which comes back proves that pokes
// get through.
func (b *redisBus) sendForEver(ctx context.Context) {
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	for {
		var batch []Poke
		probe := true
		select {
		case <-ctx.Done():
			b.flush(context.WithoutCancel(ctx))
			return
		case <-timer.C:
		case <-b.probes:
		case poke := <-b.queue:
			batch, probe = b.batch(poke), false
		}
		b.send(ctx, batch, probe)
		if probe {
			timer.Reset(b.probeWait())
		}
	}
}

func (b *redisBus) probeWait() time.Duration {
	if b.unsending.Load() {
		return reviveEvery
	}
	return probeEvery
}

// batch collects what is queued already.
func (b *redisBus) batch(first ...Poke) []Poke {
	for len(first) < sendBatch {
		select {
		case poke := <-b.queue:
			first = append(first, poke)
		default:
			return first
		}
	}
	return first
}

// send publishes in one round trip. What fails is not tried again: the receivers sweep, and are told by a gap
// message as soon as Redis takes messages again.
func (b *redisBus) send(ctx context.Context, batch []Poke, probe bool) {
	missed := b.missed.Swap(0)
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := b.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, poke := range batch {
			message, err := encodePoke(b.instance, poke)
			if err != nil {
				b.log.Error("a poke cannot be encoded", "topic", poke.Topic, "seq", poke.Seq, "error", err)
				continue
			}
			pipe.Publish(ctx, b.channel(poke.Topic.Partition()), message)
		}
		for left := missed; left != 0; left &= left - 1 {
			pipe.Publish(ctx, b.channel(bits.TrailingZeros64(left)), b.instance+gapMessage)
		}
		if probe {
			pipe.Publish(ctx, b.ownChannel(), strconv.FormatInt(b.token.Load(), 10))
		}
		return nil
	})
	if err != nil {
		b.missed.Or(missed)
		b.drop(batch)
	}
	b.unsending.Store(err != nil)
}

// drop gives up on the batch and on what is queued behind it: while Redis hangs, everything would wait in vain.
func (b *redisBus) drop(batch []Poke) {
	b.unsending.Store(true)
	for ; len(batch) > 0; batch = b.batch() {
		for _, poke := range batch {
			b.missed.Or(1 << poke.Topic.Partition())
		}
	}
}

// flush sends what is left when the bus stops.
func (b *redisBus) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for ctx.Err() == nil && !b.unsending.Load() {
		batch := b.batch()
		if len(batch) == 0 {
			return
		}
		b.send(ctx, batch, false)
	}
}
