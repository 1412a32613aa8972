package redisbus

import (
	"context"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
)

// renewUntil is the heartbeat. While Redis is down it tries more often.
func (r *registry) renewUntil(ctx context.Context) {
	timer := time.NewTimer(r.heartbeat)
	defer timer.Stop()
	keys := r.names.Keys()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-keys.Replaced(): // what exists under the old names expires
			keys = r.names.Keys()
			r.renew(ctx)
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

// renew writes every entry again, so that a Redis which lost its memory knows all connections after one heartbeat.
func (r *registry) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, events.Heartbeat/2)
	defer cancel()
	if r.down.Load() {
		if r.ping(ctx) != nil {
			return
		}
		r.down.Store(false) // before the connections are listed: the entry of one that is added meanwhile is written by Add
	}
	err := r.each(ctx, func(ctx context.Context, pipe redis.Pipeliner, key, member string) {
		r.putEntry(ctx, pipe, key, member)
		pipe.ZRemRangeByScore(ctx, key, "-inf", "("+r.fromNow())
	})
	switch {
	case r.ctx.Err() != nil:
	case err != nil:
		r.fail(err)
	case r.warned.Swap(false):
		r.log.Info("the registry in Redis answers again")
	}
}

// ping asks all nodes of a cluster: a question may concern any of them, and while one is missing callers should not wait.
func (r *registry) ping(ctx context.Context) error {
	cluster, ok := r.client.(*redis.ClusterClient)
	if !ok {
		return r.client.Ping(ctx).Err()
	}
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() })
}

// each does something for every entry of this instance, many in one round trip.
func (r *registry) each(ctx context.Context, do func(ctx context.Context, pipe redis.Pipeliner, key, member string)) error {
	key := r.keys()
	for chunk := range slices.Chunk(r.local.Connections(), registryChunk) {
		_, err := r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, c := range chunk {
				do(ctx, pipe, key(c.Topic), r.member(c.User))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
