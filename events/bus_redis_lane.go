package events

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// lane is the partitions that share a connection: all of them on a single server, one on a cluster, where go-redis's PubSub
// reaches the shard of its first channel only. It has two goroutines until the bus stops; its connection, with
// a third, is there while a partition of it is joined.
type lane struct {
	bus     *redisBus
	number  int
	own     string        // the channel where this instance sends probes to itself
	changed chan struct{} // what is joined did

	queue     chan Poke
	probes    chan struct{} // asks for a probe at once
	token     atomic.Int64  // of the session under way: what its probes carry
	unsending atomic.Bool   // the last send failed: drop rather than queue
	missed    atomic.Uint64 // partitions with pokes that were never sent, a bit each
}

func newLanes(b *redisBus) []*lane {
	lanes := []*lane{newLane(b, 0, b.prefix+":i:"+b.instance, sendQueue)}
	if !b.sharded {
		return lanes
	}
	lanes = lanes[:0]
	for p := range Partitions {
		// The hash tag puts the probes into the slot of the partition: they prove that it is reached.
		lanes = append(lanes, newLane(b, p, fmt.Sprintf("%s:i{%02d}:%s", b.prefix, p, b.instance), sendQueueSharded))
	}
	return lanes
}

func newLane(b *redisBus, number int, own string, queue int) *lane {
	return &lane{
		bus: b, number: number, own: own, changed: make(chan struct{}, 1),
		queue: make(chan Poke, queue), probes: make(chan struct{}, 1),
	}
}

// wanted returns the partitions of the lane that are joined, a bit each.
func (l *lane) wanted() (partitions uint64) {
	b := l.bus
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, n := range b.joined {
		if n > 0 && b.lane(p) == l {
			partitions |= 1 << p
		}
	}
	return partitions
}

// receiveForEver runs one session after the other while the lane is wanted.
func (l *lane) receiveForEver(ctx context.Context) {
	for attempt := 1; ctx.Err() == nil; attempt++ {
		if l.wanted() == 0 {
			select {
			case <-l.changed:
			case <-ctx.Done():
			}
			attempt = 0
			continue
		}
		s := l.newSession(ctx)
		err := s.run(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errLeft) {
			continue
		}
		l.bus.log.Debug("a Redis Pub/Sub session ended", "lane", l.number, "error", err)
		l.fail(ctx)
		if s.worked {
			attempt = 1
		}
		wait(ctx, min(backoff(attempt), reconnectMost))
	}
}

// fail notes that nothing is received. On a cluster the slot may live elsewhere now, which nobody tells a subscriber.
func (l *lane) fail(ctx context.Context) {
	l.bus.heard(l, false)
	if cluster, ok := l.bus.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}
