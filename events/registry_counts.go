package events

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Counts is how many streams are followed, by the transport that carries them: chats and feeds each count, so a socket with
// three subscriptions counts three times.
type Counts struct {
	Here       map[string]int // on this instance, now
	Everywhere map[string]int // on all instances; of the others, as they last said, which is up to a Heartbeat ago
}

// otherTransport is the name of what nobody named.
const otherTransport = "other"

type transportKey struct{}

// WithTransport says what carries the streams that are opened with ctx, in a word: "websocket", "sse". Names are labels of
// metrics, so there must be few.
func WithTransport(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, transportKey{}, name)
}

func transportOf(ctx context.Context) string {
	if name, ok := ctx.Value(transportKey{}).(string); ok {
		return name
	}
	return otherTransport
}

// Counts returns how many streams there are, by transport.
func (h *Hub) Counts(ctx context.Context) (Counts, error) { return h.registry.Counts(ctx) }

func (r *memoryRegistry) Counts(context.Context) (Counts, error) {
	here := r.streams()
	return Counts{Here: here, Everywhere: maps.Clone(here)}, nil
}

func (r *memoryRegistry) streams() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.byTransport)
}

// countsKey is a sorted set like that of a topic, of entries "<instance>\x00<streams by transport, as JSON>".
const countsKey = "sc1:rc"

func (r *redisRegistry) Counts(ctx context.Context) (Counts, error) {
	counts, _ := r.local.Counts(ctx)
	var found *redis.StringSliceCmd
	ok := r.ask(ctx, func(ctx context.Context, pipe redis.Pipeliner) { found = r.alive(ctx, pipe, countsKey) })
	if !ok {
		return counts, nil
	}
	others := map[string]map[string]int{} // the last entry of an instance counts: one of before may be left
	for _, entry := range found.Val() {
		instance, text, _ := strings.Cut(entry, "\x00")
		var streams map[string]int
		if instance != r.instance && json.Unmarshal([]byte(text), &streams) == nil {
			others[instance] = streams
		}
	}
	for _, streams := range others {
		for transport, n := range streams {
			counts.Everywhere[transport] += n
		}
	}
	return counts, nil
}

// tellCounts replaces this instance's entry. The heartbeat alone calls it.
func (r *redisRegistry) tellCounts(ctx context.Context) error {
	text, err := json.Marshal(r.local.streams())
	if err != nil {
		return err
	}
	entry := r.instance + "\x00" + string(text)
	_, err = r.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		if r.told != entry {
			pipe.ZRem(ctx, countsKey, r.told)
		}
		r.enter(ctx, pipe, countsKey, entry)
		r.forgetExpired(ctx, pipe, countsKey)
		return nil
	})
	if err == nil {
		r.told = entry
	}
	return err
}
