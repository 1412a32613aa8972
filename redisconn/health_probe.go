package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// watch probes at once when Redis is suspected, and every ProbeEvery while it is down.
func (h *Health) watch(ctx context.Context) {
	tick := time.NewTicker(h.ProbeEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			if level, _ := h.Level(); level != Healthy {
				h.probe(ctx)
			}
		case <-h.suspected:
			if level, _ := h.Level(); level == Suspect {
				h.probe(ctx)
			}
		}
	}
}

func (h *Health) probe(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, 2*h.Timeout)
	defer cancel()
	err := EachMaster(limited, h.client, h.ask)
	if ctx.Err() != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.slow.Store(IsTimeout(err))
		h.setLocked(Down, err)
		return
	}
	h.answered = time.Now()
	h.slow.Store(false)
	h.setLocked(Healthy, nil)
}

// ask probes one server. The nodes of a cluster that is down still answer a PING, so they are asked for its state too.
func (h *Health) ask(ctx context.Context, node redis.Cmdable) error {
	if err := node.Ping(ctx).Err(); err != nil {
		return err
	}
	if _, ok := h.client.(*redis.ClusterClient); ok && strings.Contains(node.ClusterInfo(ctx).Val(), "cluster_state:fail") {
		return errClusterDown
	}
	return nil
}

var errClusterDown = errors.New("the cluster is down")

// EachMaster calls do for every server that holds keys.
func EachMaster(ctx context.Context, client redis.UniversalClient, do func(context.Context, redis.Cmdable) error) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return do(ctx, node) })
	}
	return do(ctx, client)
}

// PartitionOfEachMaster returns one partition for each server that holds keys, the same on all instances: its first one. Partition 0 is
// always among them.
func PartitionOfEachMaster(ctx context.Context, client redis.UniversalClient, keys *Keys) []int {
	cluster, ok := client.(*redis.ClusterClient)
	partitions, seen := []int{0}, map[string]bool{}
	for p := 0; ok && p < Partitions; p++ {
		node, err := cluster.MasterForKey(ctx, keys.Channel(p))
		if err != nil || seen[node.Options().Addr] {
			continue
		}
		seen[node.Options().Addr] = true
		if p > 0 {
			partitions = append(partitions, p)
		}
	}
	return partitions
}

// IsTimeout reports whether a failure was slow: nothing came back, and another try would cost the wait again.
func IsTimeout(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrPoolTimeout) {
		return true
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// IsRefusal reports whether Redis did not let a new connection in: it asks for a password that this program does not have, or has
// as many clients as it allows. (A server that is gone refuses otherwise.) Connections that exist may still work.
func IsRefusal(err error) bool {
	return redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "WRONGPASS") || redis.IsMaxClientsError(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// isFailure reports whether a call's error says that Redis is not well. Most error replies do, like a cut connection (LOADING,
// NOAUTH, CLUSTERDOWN: asking again at once is of no use). Those about one key or one kind of command do not.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, redis.Nil) && !isRefusedCommand(err) &&
		!redis.HasErrorPrefix(err, "WRONGTYPE") && !redis.HasErrorPrefix(err, "NOSCRIPT")
}
