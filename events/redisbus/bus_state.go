package redisbus

import (
	"errors"
	"strings"

	"studychat/events"
	"studychat/redisconn"
)

// report notes whether a shard works, and if not, why.
func (b *bus) report(s *shard, err error) {
	b.mu.Lock()
	b.unhealthy[s.number] = err != nil
	// No probe may come back because none could be sent: the first reason is the better one.
	if err != nil && (b.cause.Load() == nil || !errors.Is(err, errNoProbe)) {
		cause := reason(err)
		b.cause.Store(&cause)
	}
	b.updateState()
	b.mu.Unlock()
	if s.number == alwaysJoined {
		b.once.Do(func() { close(b.ready) })
	}
}

// reason says in few words why a shard does not work.
func reason(err error) string {
	if errors.Is(err, errNoProbe) {
		return "what is published does not arrive"
	}
	return redisconn.Reason(err)
}

// trouble is the bus's part of the Health.
func (b *bus) trouble() string {
	if b.State() == events.Healthy {
		return ""
	}
	if cause := b.cause.Load(); cause != nil {
		return "bus: " + *cause
	}
	return "bus: not connected yet"
}

// updateState derives the state: one joined partition whose shard is unhealthy makes it Degraded. b.mu is held.
func (b *bus) updateState() {
	if !b.started.Load() || b.ctx.Err() != nil {
		return
	}
	state := events.Healthy
	for p, n := range b.joined {
		if n > 0 && b.unhealthy[b.shard(p).number] {
			state = events.Degraded
		}
	}
	if events.State(b.state.Swap(int32(state))) == state {
		return
	}
	if state == events.Healthy {
		b.cause.Store(nil)
		b.log.Info("Redis Pub/Sub works: events of other instances arrive at once")
		b.sink.Gap(-1)
	} else {
		b.log.Warn("Redis Pub/Sub does not work: events of other instances arrive by sweeping", "reason", strings.TrimPrefix(b.trouble(), "bus: "))
	}
	b.sink.StateChanged(state)
}
