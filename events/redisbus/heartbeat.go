package redisbus

import (
	"context"
	"hash/maphash"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
)

// beatUntil is the heartbeat. Under a new name it also begins when Redis is back, when the names of the keys were replaced (what exists
// under the old ones expires), and soon after an entry could not be written or deleted.
func (r *registry) beatUntil(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	keys, soon, turn := r.redis.Names.Keys(), false, 0
	for anew := false; ; {
		changed := r.redis.Health.Changed()
		select {
		case <-ctx.Done():
			return
		case <-r.failed:
			anew = true
			if !soon {
				timer.Reset(min(renewAgain, r.heartbeat))
				soon = true
			}
			continue
		case <-keys.Replaced():
			keys, anew = r.redis.Names.Keys(), true
		case <-changed:
			anew = true
		case <-timer.C:
		}
		if r.beat(ctx, anew, turn) {
			anew = false
		}
		turn++
		timer.Reset(r.heartbeat)
		soon = false
	}
}

// beat tells the others that this instance is alive, asks which of them are, and writes the entries again whose turn it is, in one
// pipeline. Anew, or if Redis has forgotten the instance, it then writes all entries under another name. It reports whether all of it
// succeeded.
func (r *registry) beat(ctx context.Context, anew bool, turn int) bool {
	if r.redis.Health.Down() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, events.Heartbeat/2)
	defer cancel()
	began, name := time.Now(), r.self.name()
	known := r.self.announced(name)
	var due []events.Connection
	if !anew {
		due = r.due(turn)
	}
	forgotten, err := r.pulse(ctx, name, due)
	if err == nil && (anew || forgotten && known) {
		err = r.rename(ctx)
	}
	if err != nil && r.ctx.Err() == nil {
		r.redis.Health.Report(began, err)
		signal(r.failed)
	}
	return err == nil
}

// pulse is the pipeline of a heartbeat. forgotten says that a server did not know this instance.
func (r *registry) pulse(ctx context.Context, name string, due []events.Connection) (forgotten bool, err error) {
	var added []*redis.IntCmd
	var found []*redis.ZSliceCmd
	asked, sets := r.now(), r.sets(ctx)
	_, err = r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		added = r.announce(ctx, pipe, sets, name)
		for _, set := range sets {
			pipe.ZRemRangeByScore(ctx, set, "-inf", "("+r.fromNow())
		}
		found = r.askInstances(ctx, pipe, sets)
		r.write(ctx, pipe, name, due)
		return nil
	})
	if err != nil {
		return false, err
	}
	r.self.setAnnounced(name)
	r.others.Store(newInstances(found, asked))
	r.deleteLeft(ctx, due)
	return slices.ContainsFunc(added, func(cmd *redis.IntCmd) bool { return cmd.Val() == 1 }), nil
}

// rename writes all entries under another name and gives up the old one, so that nothing counts that was written under it.
func (r *registry) rename(ctx context.Context) error {
	old := r.self.next()
	name := r.self.name()
	if _, err := r.pulse(ctx, name, nil); err != nil {
		return err
	}
	for chunk := range slices.Chunk(r.local.Connections(), registryChunk) {
		_, err := r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			r.write(ctx, pipe, name, chunk)
			return nil
		})
		if err != nil {
			return err
		}
		r.deleteLeft(ctx, chunk)
	}
	return r.giveUp(ctx, old)
}

// giveUp takes a name out of the instances.
func (r *registry) giveUp(ctx context.Context, name string) error {
	_, err := r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, set := range r.sets(ctx) {
			pipe.ZRem(ctx, set, name)
		}
		return nil
	})
	return err
}

// write writes entries, and deletes what has run out beside them.
func (r *registry) write(ctx context.Context, pipe redis.Pipeliner, name string, connections []events.Connection) {
	for _, c := range connections {
		key := r.key(c.Topic)
		r.putEntry(ctx, pipe, key, member(c.User, name))
		pipe.ZRemRangeByScore(ctx, key, "-inf", "("+r.fromNow())
	}
}

// deleteLeft deletes again what a write has brought back: the entries of connections that ended meanwhile.
func (r *registry) deleteLeft(ctx context.Context, written []events.Connection) {
	for _, c := range written {
		if !r.local.Has(c.Topic, c.User) {
			r.delete(ctx, c.Topic, c.User)
		}
	}
}

var seed = maphash.MakeSeed()

// due returns the connections whose entries are to be written in this turn: each three times within its time to live, spread evenly.
func (r *registry) due(turn int) (connections []events.Connection) {
	turns := max(1, int(r.entryTTL/r.heartbeat/3))
	for _, c := range r.local.Connections() {
		if int(uint32(maphash.Comparable(seed, c)))%turns == turn%turns { //nolint:gosec // any 32 bits will do
			connections = append(connections, c)
		}
	}
	return connections
}

// leave takes this instance and its entries out.
func (r *registry) leave(ctx context.Context) error {
	name := r.self.name()
	err := r.giveUp(ctx, name)
	for chunk := range slices.Chunk(r.local.Connections(), registryChunk) {
		if err != nil {
			return err
		}
		_, err = r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, c := range chunk {
				r.deleteEntry(ctx, pipe, r.key(c.Topic), member(c.User, name))
			}
			return nil
		})
	}
	return err
}
