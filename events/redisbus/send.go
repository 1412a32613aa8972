package redisbus

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
	"studychat/redisconn"
)

const (
	sendQueue = 4096 // notifications that wait for the sender; more are dropped and reported as a gap
	// Of each shard of a cluster: 96 queues of 512 hold as much as twelve full ones.
	sendQueueSharded = 512
	sendBatch        = 128                    // notifications in one round trip
	sendTimeout      = 250 * time.Millisecond // one round trip
	flushTimeout     = 500 * time.Millisecond // what Stop spends on the rest of the queue

	probeEvery = time.Second
	retryEvery = 500 * time.Millisecond // probes while sending fails
)

// enqueue hands the notification to the sender, or notes that it was lost. It never waits.
func (s *shard) enqueue(notification events.Notification) {
	if !s.sendFailed.Load() {
		select {
		case s.queue <- notification:
			return
		default:
		}
	}
	s.missed.Add(notification.Topic.Partition())
}

// sendUntil sends what is queued, and the probes, until ctx ends. Both take the same way, so that a probe which comes back proves
// that notifications arrive.
func (s *shard) sendUntil(ctx context.Context) {
	timer := time.NewTimer(probeEvery)
	defer timer.Stop()
	for {
		var batch []events.Notification
		probe, changed := true, s.bus.redis.Health.Changed()
		select {
		case <-ctx.Done():
			s.flush(context.WithoutCancel(ctx))
			return
		case <-timer.C:
			if s.idle() {
				timer.Reset(probeEvery)
				continue
			}
		case <-changed: // Redis went down, so that the probe fails at once, or it is back
		case <-s.probes:
		case notification := <-s.queue:
			batch, probe = s.batch(notification), false
		}
		s.send(ctx, batch, probe)
		if probe {
			timer.Reset(s.probeWait())
		}
	}
}

// idle says that a probe is not needed: no partition is joined, and there is no gap to report.
func (s *shard) idle() bool {
	return s.wanted().Empty() && s.missed.Empty() && !s.sendFailed.Load()
}

func (s *shard) probeWait() time.Duration {
	if s.sendFailed.Load() {
		return retryEvery
	}
	return probeEvery
}

// batch collects what is queued already.
func (s *shard) batch(first ...events.Notification) []events.Notification {
	for len(first) < sendBatch {
		select {
		case notification := <-s.queue:
			first = append(first, notification)
		default:
			return first
		}
	}
	return first
}

// down says that Redis is known not to answer, so that a send would only wait. On a cluster, Health means the whole cluster, and
// most shards may still work: each finds out for itself.
func (s *shard) down() bool { return !s.bus.sharded && s.bus.redis.Health.Down() }

// send publishes in one round trip, or fails at once while Redis is down. A failed send is not repeated: the receivers sweep, and
// get a gap message as soon as Redis accepts messages again.
func (s *shard) send(ctx context.Context, batch []events.Notification, probe bool) {
	if s.down() {
		s.drop(batch)
		s.bus.report(s, redisconn.ErrUnhealthy)
		return
	}
	began, missed, keys := time.Now(), s.missed.Take(), s.bus.redis.Names.Keys()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	_, err := s.bus.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		publish := pipe.Publish
		if s.bus.sharded {
			publish = pipe.SPublish
		}
		for _, notification := range batch {
			message, err := encodeMessage(s.bus.instance, notification)
			if err != nil {
				s.bus.log.Error("a notification cannot be encoded", "topic", notification.Topic, "seq", notification.Seq, "error", err)
				continue
			}
			publish(ctx, keys.Channel(notification.Topic.Partition()), message)
		}
		for _, channel := range channels(keys, missed) {
			publish(ctx, channel, s.bus.instance+gapMessage)
		}
		if probe {
			publish(ctx, keys.Probe(s.number, s.bus.instance), strconv.FormatInt(s.token.Load(), 10))
		}
		return nil
	})
	if err != nil {
		s.missed.AddAll(missed)
		s.drop(batch)
	}
	s.sendFailed.Store(err != nil)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) {
		s.bus.redis.Health.Report(began, err)
		// Receiving has probably failed too, and the probes would notice it later: the hub sweeps from now on. If only one round
		// trip was lost, the next probe that comes back ends this.
		s.bus.report(s, err)
	}
}

// drop gives up the batch and everything that is queued: while Redis hangs, it would wait in vain.
func (s *shard) drop(batch []events.Notification) {
	s.sendFailed.Store(true)
	for ; len(batch) > 0; batch = s.batch() {
		for _, notification := range batch {
			s.missed.Add(notification.Topic.Partition())
		}
	}
}

// flush sends what is left when the bus stops.
func (s *shard) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for ctx.Err() == nil && !s.sendFailed.Load() {
		batch := s.batch()
		if len(batch) == 0 {
			return
		}
		s.send(ctx, batch, false)
	}
}
