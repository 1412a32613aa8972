package events

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"studychat/db"
)

// Hub turns pokes into exact streams: a topic for every chat that is followed here, kept up to date by pokes, and made
// good by reading the log and sweeping the heads whenever a poke may have been lost.
//
// It owns its bus and its registry: Start starts them and Stop stops them.
type Hub struct {
	repo     db.EventReads
	bus      Bus
	registry Registry
	log      *slog.Logger

	ctx    context.Context // ends with Stop
	cancel context.CancelFunc

	mu     sync.RWMutex // before any topic's lock
	topics map[string]*topic
	feeds  map[string]map[*feedStream]struct{} // by user

	life    sync.Mutex // after any topic's lock
	stopped bool
	tasks   sync.WaitGroup // goroutines of the hub

	reads singleflight.Group
	slots chan struct{}

	gaps  atomic.Uint64 // partitions to sweep, a bit each
	kick  chan struct{} // gaps, the state of the bus or hurry changed
	hurry atomic.Bool   // see Hurry
}

// NewHub returns a hub that reads repo and listens to bus. Start it before use.
func NewHub(repo db.EventReads, bus Bus, registry Registry, log *slog.Logger) *Hub {
	ctx, cancel := context.WithCancel(context.Background())
	return &Hub{
		repo: repo, bus: bus, registry: registry, log: log,
		ctx: ctx, cancel: cancel,
		topics: map[string]*topic{},
		feeds:  map[string]map[*feedStream]struct{}{},
		slots:  make(chan struct{}, readSlots),
		kick:   make(chan struct{}, 1),
	}
}

// Start starts the bus, the registry and the sweep. It returns once they work or have found that they cannot for now;
// an error is a fault of the configuration, not a dependency that is down.
func (h *Hub) Start(ctx context.Context) error {
	if err := h.bus.Start(ctx, sink{h}); err != nil {
		h.bus.Stop()
		return err
	}
	if err := h.registry.Start(ctx); err != nil {
		h.bus.Stop()
		return err
	}
	if !h.enter() {
		return ErrStopped
	}
	go func() {
		defer h.leave()
		h.sweepForEver(h.ctx)
	}()
	return nil
}

// Stop ends all streams with ErrStopped and waits for all goroutines. It is idempotent.
func (h *Hub) Stop() {
	h.life.Lock()
	h.stopped = true
	h.life.Unlock()
	h.cancel()
	h.tasks.Wait()
	h.bus.Stop()
	h.registry.Stop()
}

// State says whether events of other instances arrive at once, or only by sweeping.
func (h *Hub) State() State { return h.bus.State() }

// Hurry has the hub sweep as often as if its bus did not work: while other instances cannot send, nothing of them comes by a
// bus that is well. Feeds look for new chats as often as then, each from its next look on.
func (h *Hub) Hurry(on bool) {
	if !h.hurry.Swap(on) && on {
		h.nudge()
	}
}

// unheard says whether there may be news of other instances that the bus does not bring.
func (h *Hub) unheard() bool { return h.hurry.Load() || h.bus.State() == Degraded }

// Seen returns the highest number of the chat that this instance has heard of, if somebody here follows the chat, else
// 0. Whoever caches chats must not serve one that is older.
func (h *Hub) Seen(chatID string) int64 {
	if t := h.topic(chatID); t != nil {
		return t.seen()
	}
	return 0
}

// Typing tells those who follow the chat that the viewer starts or stops typing. The caller has checked membership.
func (h *Hub) Typing(ctx context.Context, viewer, chatID string, typing bool) {
	publishPassing(ctx, h.bus, Passing{Kind: TypingChanged, ChatID: chatID, User: viewer, At: h.repo.Now(), On: typing})
}

// Online returns, for each of the chats, the members who follow it or their feed, on any instance, in the order of Members.
func (h *Hub) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	return h.registry.Online(ctx, chats)
}

func (h *Hub) topic(chatID string) *topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.topics[chatID]
}

// acquire returns the chat's topic, which stays until it was released as often.
func (h *Hub) acquire(chatID string) *topic {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[chatID]
	if t == nil {
		t = newTopic(h, chatID)
		h.topics[chatID] = t
		h.bus.Join(ChatTopic(chatID).Partition())
	}
	t.refs++
	return t
}

func (h *Hub) release(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.refs--
	if t.refs > 0 {
		return
	}
	delete(h.topics, t.chatID)
	h.bus.Leave(ChatTopic(t.chatID).Partition())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.abandoned = true
}

// enter registers a goroutine of the hub, unless the hub stops; leave signs it off.
func (h *Hub) enter() bool {
	h.life.Lock()
	defer h.life.Unlock()
	if h.stopped {
		return false
	}
	h.tasks.Add(1)
	return true
}

func (h *Hub) leave() { h.tasks.Done() }

// sink is what the bus sees of the hub.
type sink struct{ *Hub }

func (s sink) Poked(poke Poke) {
	if chatID, ok := poke.Topic.chat(); ok {
		if t := s.topic(chatID); t != nil {
			t.poke(poke)
		}
		return
	}
	if user, ok := poke.Topic.user(); ok {
		s.refreshFeeds(user)
	}
}

func (s sink) Gap(partition int) {
	if partition < 0 {
		s.gaps.Store(allPartitions)
	} else {
		s.gaps.Or(1 << partition)
	}
	s.nudge()
}

func (s sink) StateChanged(State) { s.nudge() }

// nudge makes the sweep look around at once.
func (h *Hub) nudge() {
	select {
	case h.kick <- struct{}{}:
	default: // it will
	}
}
