package redisbus

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
)

// shard is the partitions that share a connection: all of them on a single server, one on a cluster, where go-redis's PubSub
// reaches only the node of its first channel. It has two goroutines until the bus stops. Its connection and its reader exist
// only while one of its partitions is joined.
type shard struct {
	bus     *bus
	number  int           // of its first partition
	changed chan struct{} // signals that the joined partitions changed

	queue      chan events.Notification
	probes     chan struct{} // asks for a probe at once
	token      atomic.Int64  // of the current session: its probes carry it
	sendFailed atomic.Bool   // the last send failed: drop rather than queue
	missed     events.Gaps   // partitions with notifications that were never sent
}

func newShards(b *bus) []*shard {
	count, queue := 1, sendQueue
	if b.sharded {
		count, queue = events.Partitions, sendQueueSharded
	}
	shards := make([]*shard, count)
	for i := range shards {
		shards[i] = &shard{
			bus: b, number: i, changed: make(chan struct{}, 1),
			queue: make(chan events.Notification, queue), probes: make(chan struct{}, 1),
		}
	}
	return shards
}

// wanted returns the partitions of the shard that are joined.
func (s *shard) wanted() (partitions events.PartitionSet) {
	b := s.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, n := range b.joined {
		if n > 0 && b.shard(p) == s {
			partitions[p] = true
		}
	}
	return partitions
}

// receiveUntil runs one session after the other, while a partition of the shard is joined, until ctx ends.
func (s *shard) receiveUntil(ctx context.Context) {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if s.wanted().Empty() {
			select {
			case <-s.changed:
			case <-ctx.Done():
			}
			attempt = 0
			continue
		}
		session := newSession(ctx, s)
		err := session.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errLeft) || errors.Is(err, errRenamed) {
			continue
		}
		s.bus.log.Debug("a Redis Pub/Sub session ended", "shard", s.number, "error", err)
		s.bus.redis.Health.Report(session.heard(), err) // has Redis probed, unless it has answered since
		s.fail(ctx, err)
		if session.worked {
			attempt = 1
		}
		select {
		case <-time.After(min(events.Backoff(attempt), reconnectMost)):
		case <-ctx.Done():
		}
	}
}

// fail reports that the shard receives nothing. On a cluster its slot may have moved to another node: nobody tells a subscriber.
func (s *shard) fail(ctx context.Context, err error) {
	s.bus.report(s, err)
	if cluster, ok := s.bus.redis.Client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}
