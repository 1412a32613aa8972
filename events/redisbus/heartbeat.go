package redisbus

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
)

// renewUntil is the heartbeat. It also renews when Redis is back, when the names were replaced (what exists under the old names
// expires), and soon after an entry could not be written.
func (r *registry) renewUntil(ctx context.Context) {
	timer := time.NewTimer(r.heartbeat)
	defer timer.Stop()
	keys, soon := r.redis.Names.Keys(), false
	for {
		changed := r.redis.Health.Changed()
		select {
		case <-ctx.Done():
			return
		case <-r.failed:
			if !soon {
				timer.Reset(min(renewAgain, r.heartbeat))
				soon = true
			}
			continue
		case <-keys.Replaced():
			keys = r.redis.Names.Keys()
		case <-changed:
		case <-timer.C:
		}
		r.renew(ctx)
		timer.Reset(r.heartbeat)
		soon = false
	}
}

// renew writes every entry again, so that a Redis which lost its memory knows all connections after one heartbeat.
func (r *registry) renew(ctx context.Context) {
	if r.redis.Health.Down() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, events.Heartbeat/2)
	defer cancel()
	began := time.Now()
	err := r.each(ctx, func(ctx context.Context, pipe redis.Pipeliner, key, member string) {
		r.putEntry(ctx, pipe, key, member)
		pipe.ZRemRangeByScore(ctx, key, "-inf", "("+r.fromNow())
	})
	if err != nil && r.ctx.Err() == nil {
		r.redis.Health.Report(began, err)
		signal(r.failed)
	}
}

// each does something for every entry of this instance, many in one round trip.
func (r *registry) each(ctx context.Context, do func(ctx context.Context, pipe redis.Pipeliner, key, member string)) error {
	for chunk := range slices.Chunk(r.local.Connections(), registryChunk) {
		_, err := r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, c := range chunk {
				do(ctx, pipe, r.key(c.Topic), r.member(c.User))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
