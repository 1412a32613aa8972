// Package hub turns notifications into exact streams: one Stream per subscriber of a chat (stream_chat.go) or of the feed of all
// of a user's chats (stream_feed.go). A topic is what this process knows of one chat's log; a follower is one viewer's place in it.
package hub

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

// Hub turns notifications into exact streams. It has one topic for every chat that is followed in this process. Notifications
// keep the topics up to date; whenever one may have been lost, the hub asks which chats have changed and reads what is missing.
//
// It owns its bus and its registry: Start starts them and Stop stops them.
type Hub struct {
	*reader
	bus      events.Bus
	registry events.Registry

	topicsMu sync.RWMutex // before any topic's lock
	topics   map[string]*topic
	feeds    map[string]map[*feedStream]struct{} // by user

	gap   atomic.Bool   // notifications may have been lost since the last sweep
	kick  chan struct{} // gap, the state of the bus or hurry changed
	hurry atomic.Bool   // see Hurry
}

// New returns a hub that reads repo and listens to bus. Start it before use.
func New(repo db.EventReads, bus events.Bus, registry events.Registry, log *slog.Logger) *Hub {
	return &Hub{
		reader: newReader(repo, log), bus: bus, registry: registry,
		topics: map[string]*topic{},
		feeds:  map[string]map[*feedStream]struct{}{},
		kick:   make(chan struct{}, 1),
	}
}

// Trace makes the hub call deliver with each delivery of an event whose writer is traced. Call it before Start.
func (h *Hub) Trace(deliver func(writer, kind, path string, took time.Duration, connections int)) {
	h.trace = deliver
}

// Start starts the bus, the registry and the sweep. It returns once they work or have found that they cannot for now.
// An error is a fault of the configuration, not a dependency that is down.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.bus.Start(ctx, sink{h}); err != nil {
		h.bus.Stop()
		return err
	}
	if err := h.registry.Start(ctx); err != nil {
		h.bus.Stop()
		return err
	}
	if !h.begin() {
		return events.ErrStopped
	}
	go func() {
		defer h.done()
		h.sweepUntil(h.ctx)
	}()
	return nil
}

// Stop ends all streams with ErrStopped and waits for all goroutines. It is idempotent.
func (h *Hub) Stop() {
	h.stop()
	h.dissolveGroups()
	h.bus.Stop()
	h.registry.Stop()
}

// Stats is what the hub has done. It goes on counting.
func (h *Hub) Stats() *delivery.Stats { return &h.stats }

// State says whether events of other instances arrive at once, or only by sweeping.
func (h *Hub) State() events.State { return h.bus.State() }

// Hurry makes the hub sweep as often as with a degraded bus. It is for when other instances cannot send: then a healthy bus
// brings nothing of theirs. Feeds look for new chats as often, from their next refresh on.
func (h *Hub) Hurry(on bool) {
	if !h.hurry.Swap(on) && on {
		signal(h.kick)
	}
}

// inHurry says whether other instances may have news that the bus does not bring.
func (h *Hub) inHurry() bool { return h.hurry.Load() || h.bus.State() == events.Degraded }

// Seen returns the highest sequence number of the chat that this instance has heard of, if the chat is followed here, else 0.
// A cache must not serve an older version of the chat.
func (h *Hub) Seen(chatID string) int64 {
	if t := h.topic(chatID); t != nil {
		return t.seen()
	}
	return 0
}

// Typing tells the followers of the chat that the viewer starts or stops typing. The caller has checked membership.
func (h *Hub) Typing(ctx context.Context, viewer, chatID string, typing bool) {
	events.PublishEphemeral(ctx, h.bus, events.Ephemeral{Kind: events.TypingChanged, ChatID: chatID, User: viewer, At: h.repo.Now(), On: typing})
}

// Online returns, for each of the chats, the members who follow it or their feed, on any instance, in the order of Members.
func (h *Hub) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	return h.registry.Online(ctx, chats)
}
