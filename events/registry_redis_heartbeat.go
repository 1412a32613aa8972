package events

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// renewForEver is the heartbeat. While Redis is down it tries more often.
func (r *redisRegistry) renewForEver(ctx context.Context) {
	timer := time.NewTimer(r.heartbeat)
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
			timer.Reset(r.heartbeat)
		}
	}
}

// renew enters everything again, so that a Redis which lost its memory knows all after one heartbeat.
func (r *redisRegistry) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Heartbeat/2)
	defer cancel()
	if r.down.Load() {
		if r.ping(ctx) != nil {
			return
		}
		r.down.Store(false) // before the entries are listed: those that come meanwhile are entered by who adds them
	}
	err := r.tellCounts(ctx)
	err = errors.Join(err, r.each(ctx, func(ctx context.Context, pipe redis.Pipeliner, key, member string) {
		r.enter(ctx, pipe, key, member)
		r.forgetExpired(ctx, pipe, key)
	}))
	switch {
	case r.ctx.Err() != nil:
	case err != nil:
		r.failed(err)
	case r.warned.Swap(false):
		r.log.Info("the registry in Redis answers again")
	}
}

// ping asks all nodes of a cluster: a question may concern any of them, and while one is missing callers should not wait.
func (r *redisRegistry) ping(ctx context.Context) error {
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return r.client.Ping(ctx).Err()
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() })
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
