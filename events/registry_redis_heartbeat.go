package events

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// renewForEver is the heartbeat. While Redis is down it tries more often.
func (r *redisRegistry) renewForEver(ctx context.Context) {
	timer := time.NewTimer(Heartbeat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
			r.renew(ctx)
		}
		if r.down.Load() {
			timer.Reset(registryRevive)
		} else {
			timer.Reset(Heartbeat)
		}
	}
}

// renew enters everything again, so that a Redis which lost its memory knows all after one heartbeat.
func (r *redisRegistry) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Heartbeat/2)
	defer cancel()
	if r.down.Load() {
		if r.client.Ping(ctx).Err() != nil {
			return
		}
		r.down.Store(false) // before the entries are listed: those that come meanwhile are entered by who adds them
		r.log.Info("the registry in Redis answers again")
	}
	err := r.each(ctx, func(ctx context.Context, pipe redis.Pipeliner, key, member string) {
		r.enter(ctx, pipe, key, member)
		pipe.ZRemRangeByScore(ctx, key, "-inf", "("+strconv.FormatInt(time.Now().UnixMilli(), 10))
	})
	if err != nil && r.ctx.Err() == nil {
		r.failed(err)
	}
}

// each does something for every entry of this instance, many in a round trip.
func (r *redisRegistry) each(ctx context.Context, do func(ctx context.Context, pipe redis.Pipeliner, key, member string)) error {
	for chunk := range slices.Chunk(r.local.entries(), registryChunk) {
		_, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, e := range chunk {
				do(ctx, pipe, registryKey(e.topic), r.member(e.user))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
