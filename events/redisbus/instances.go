package redisbus

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
)

// newest is how long before the instances were asked for an entry may have been written by an instance that was not among them yet:
// entry and instance are written at the same time, perhaps to two nodes, by the clocks of two machines.
const newest = 2 * time.Second

// instances is what the registry's instances were when Redis was asked last. It is never changed.
type instances struct {
	until map[string]int64 // Unix time in milliseconds until which an instance is alive
	asked time.Time        // by registry.now; zero: never
}

func newInstances(found []*redis.ZSliceCmd, asked time.Time) *instances {
	i := &instances{until: map[string]int64{}, asked: asked}
	for _, set := range found {
		for _, z := range set.Val() {
			name := z.Member.(string)
			i.until[name] = max(i.until[name], int64(z.Score))
		}
	}
	return i
}

// sets are the keys of the sets of instances: one at each master, so that an instance learns that a master has forgotten everything.
// All hold the same.
func (r *registry) sets(ctx context.Context) (keys []string) {
	names := r.redis.Names.Keys()
	for _, p := range redisconn.PartitionOfEachMaster(ctx, r.redis.Client, names) {
		keys = append(keys, names.Instances(p))
	}
	return keys
}

// announce says that this instance is alive. A reply is 1 if the master did not know it.
func (r *registry) announce(ctx context.Context, pipe redis.Pipeliner, sets []string, name string) (added []*redis.IntCmd) {
	for _, set := range sets {
		added = append(added, pipe.ZAdd(ctx, set, redis.Z{Score: float64(r.now().Add(r.ttl).UnixMilli()), Member: name}))
		pipe.PExpire(ctx, set, 2*r.ttl) // for a Redis that no instance uses any more
	}
	return added
}

// askInstances asks for all instances that are alive.
func (r *registry) askInstances(ctx context.Context, pipe redis.Pipeliner, sets []string) (found []*redis.ZSliceCmd) {
	for _, set := range sets {
		found = append(found, pipe.ZRangeByScoreWithScores(ctx, set, &redis.ZRangeBy{Min: r.fromNow(), Max: "+inf"}))
	}
	return found
}

// entries asks for the entries of a topic.
func (r *registry) entries(ctx context.Context, pipe redis.Pipeliner, key string, most int64) *redis.ZSliceCmd {
	return pipe.ZRangeByScoreWithScores(ctx, key, &redis.ZRangeBy{Min: r.fromNow(), Max: "+inf", Count: most})
}

// living returns, for each list of entries, the users of those that belong to another instance which is alive. It asks for the
// instances only if an entry is newer than what is known of them.
func (r *registry) living(ctx context.Context, lists ...[]redis.Z) (users [][]string) {
	now, known := r.now(), r.others.Load()
	if r.mustAsk(known, now, lists) {
		known = r.refresh(ctx, now)
	}
	users = make([][]string, len(lists))
	for i, list := range lists {
		for _, z := range list {
			user, instance := split(z.Member.(string))
			if !r.self.has(instance) && known.until[instance] > now.UnixMilli() {
				users[i] = append(users[i], user)
			}
		}
	}
	return users
}

func (r *registry) mustAsk(known *instances, now time.Time, lists [][]redis.Z) bool {
	old := now.Sub(known.asked) > 2*r.heartbeat // heartbeats fail, or were not started
	for _, list := range lists {
		for _, z := range list {
			_, instance := split(z.Member.(string))
			if r.self.has(instance) {
				continue
			}
			written := time.UnixMilli(int64(z.Score)).Add(-r.entryTTL)
			if _, ok := known.until[instance]; old || !ok && written.After(known.asked.Add(-newest)) {
				return true
			}
		}
	}
	return false
}

// refresh asks for the instances. If there is no answer, it returns what is known.
func (r *registry) refresh(ctx context.Context, asked time.Time) *instances {
	var found []*redis.ZSliceCmd
	ok := r.ask(ctx, r.redis.Health.Do, func(ctx context.Context, pipe redis.Pipeliner) { found = r.askInstances(ctx, pipe, r.sets(ctx)) })
	if ok {
		r.others.Store(newInstances(found, asked))
	}
	return r.others.Load()
}

func (r *registry) fromNow() string { return strconv.FormatInt(r.now().UnixMilli(), 10) }
