package state

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
)

// The negative controls: what is usually built instead. The same machine and the same validators must catch each of them within
// a few runs. If they do not, the thousand runs prove nothing.

// controlRuns is how many runs a control gets.
const controlRuns = 24

// caught plays a control and returns in how many runs each kind of problem was found.
func caught(t *testing.T, p parts, change func(*run)) (kinds map[string]int) {
	t.Helper()
	kinds = map[string]int{}
	for seed := range uint64(controlRuns) {
		_, problems := playInMemory(t, seed, p, change)
		found := map[string]bool{}
		for _, problem := range problems {
			kind, _, _ := strings.Cut(problem, ":")
			found[kind] = true
		}
		for kind := range found {
			kinds[kind]++
		}
	}
	t.Logf("of %d runs: %v", controlRuns, kinds)
	return kinds
}

// mustCatch requires that the problem was found in several runs, so that it is not an accident.
func mustCatch(t *testing.T, kinds map[string]int, problem string, least int) {
	t.Helper()
	if kinds[problem] < least {
		t.Errorf("the validators are blind: %q in %d runs of %d", problem, kinds[problem], controlRuns)
	}
}

// plainPubSub trusts the network to deliver everything, once and in order.
type plainPubSub struct {
	repo db.Repository
	bus  events.Bus

	mu      sync.Mutex
	streams map[*plainStream]bool
	stopped bool
}

func newPlainPubSub(repo db.Repository, bus events.Bus, _ *slog.Logger) streams {
	return &plainPubSub{repo: repo, bus: bus, streams: map[*plainStream]bool{}}
}

func (p *plainPubSub) Start(ctx context.Context) error { return p.bus.Start(ctx, p) }
func (p *plainPubSub) Seen(string) int64               { return 0 }
func (p *plainPubSub) Gap(int)                         {}
func (p *plainPubSub) StateChanged(events.State)       {}

func (p *plainPubSub) Stop() {
	p.bus.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	for s := range p.streams {
		close(s.news)
	}
}

func (p *plainPubSub) Notified(notification events.Notification) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.streams {
		if notification.Event != nil && notification.Event.ChatID == s.chat && !p.stopped {
			select {
			case s.news <- notification.Event:
			default: // as PubSub.Channel does
			}
		}
	}
}

func (p *plainPubSub) Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error) {
	head, err := p.repo.Head(ctx, viewer, chatID)
	if err != nil {
		return nil, err
	}
	start := &events.Item{Started: &events.Started{ChatID: chatID, Resumed: after != nil}} // which is not checked
	if after == nil {
		after = &db.Cursor{ChatID: chatID, Epoch: head.Epoch, Seq: head.HeadSeq}
	}
	start.Cursor = after.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &plainStream{pubSub: p, chat: chatID, start: start, news: make(chan *db.Event, 100)}
	if p.stopped {
		return nil, events.ErrStopped
	}
	p.streams[s] = true
	return s, nil
}

type plainStream struct {
	pubSub *plainPubSub
	chat   string
	start  *events.Item // comes first
	news   chan *db.Event
}

func (s *plainStream) Next(ctx context.Context) (events.Item, error) {
	if start := s.start; start != nil {
		s.start = nil
		return *start, nil
	}
	select {
	case event, ok := <-s.news:
		if !ok {
			return events.Item{}, events.ErrStopped
		}
		return events.Item{Cursor: event.Cursor().String(), Event: event}, nil
	case <-ctx.Done():
		return events.Item{}, ctx.Err()
	}
}

func (s *plainStream) Close() {
	s.pubSub.mu.Lock()
	defer s.pubSub.mu.Unlock()
	delete(s.pubSub.streams, s)
}

func TestControlPlainPubSubIsCaught(t *testing.T) {
	t.Parallel()
	kinds := caught(t, parts{streams: newPlainPubSub, cache: realCache, reads: realReads}, nil)
	mustCatch(t, kinds, "missed", controlRuns/2)
	mustCatch(t, kinds, "doubled", controlRuns/2)
	mustCatch(t, kinds, "unauthorised", 3)
}

// cacheAside is the cache as it is usually written: fill after a miss, delete after a commit.
type cacheAside struct {
	db.Repository
	client redis.UniversalClient
}

func naiveCache(_ *run, client redis.UniversalClient) cacheParts {
	return cacheParts{
		guard: cacheAside{client: client},
		on:    func(_ store, repo db.Repository, _ streams) db.Repository { return cacheAside{repo, client} },
		stop:  func() {},
	}
}

func (c cacheAside) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	chat := new(db.Chat)
	raw, err := c.client.Get(ctx, id).Result()
	if err == nil {
		err = json.Unmarshal([]byte(raw), chat)
	}
	if err != nil {
		if chat, err = c.Repository.Chat(ctx, viewer, id); err != nil {
			return nil, err
		}
		if raw, err := json.Marshal(chat); err == nil {
			c.client.Set(ctx, id, raw, time.Minute)
		}
	}
	if chat.Member(viewer) == nil {
		return nil, db.NotFound("chat")
	}
	return chat, nil
}

func (c cacheAside) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	return func(db.Outcome) {
		for _, write := range writes {
			c.client.Del(context.WithoutCancel(ctx), write.ChatID)
		}
	}
}

func TestControlNaiveCacheAsideIsCaught(t *testing.T) {
	t.Parallel()
	kinds := caught(t, parts{streams: realHub, cache: naiveCache, reads: realReads}, nil)
	mustCatch(t, kinds, "stale", 3)
	mustCatch(t, kinds, "not linearizable", 2) // checked in every third run
}

// poller follows a log by a cursor over a serial column: SELECT … WHERE seq > cursor ORDER BY seq.
type poller struct{ repo db.Repository }

func newPoller(repo db.Repository, bus events.Bus, _ *slog.Logger) streams {
	return &busless{poller{repo}, bus}
}

// busless gives the poller the rest of a hub.
type busless struct {
	poller
	bus events.Bus
}

func (b *busless) Start(ctx context.Context) error { return b.bus.Start(ctx, silentSink{}) }
func (b *busless) Stop()                           { b.bus.Stop() }
func (b *busless) Seen(string) int64               { return 0 }

type silentSink struct{}

func (silentSink) Notified(events.Notification) {}
func (silentSink) Gap(int)                      {}
func (silentSink) StateChanged(events.State)    {}

func (p poller) Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error) {
	head, err := p.repo.Head(ctx, viewer, chatID)
	if err != nil {
		return nil, err
	}
	if after == nil {
		return &polling{repo: p.repo, viewer: viewer, chat: chatID, cursor: db.Cursor{ChatID: chatID, Epoch: head.Epoch, Seq: head.HeadSeq}}, nil
	}
	return &polling{repo: p.repo, viewer: viewer, chat: chatID, cursor: *after, resumed: true}, nil
}

type polling struct {
	repo         db.Repository
	viewer, chat string
	cursor       db.Cursor
	resumed      bool
	begun, over  bool
}

func (p *polling) Next(ctx context.Context) (events.Item, error) {
	if !p.begun {
		p.begun = true
		return events.Item{Cursor: p.cursor.String(), Started: &events.Started{ChatID: p.chat, Resumed: p.resumed}}, nil
	}
	for !p.over {
		log, err := p.repo.Log(ctx, p.chat, p.cursor.Seq, 1)
		if err == nil && len(log.Events) > 0 {
			event := log.Events[0]
			p.cursor = db.Cursor{ChatID: p.chat, Epoch: log.Epoch, Seq: event.Seq}
			p.over = event.Ends(p.viewer)
			return events.Item{Cursor: p.cursor.String(), Event: event}, nil
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return events.Item{}, err
		}
	}
	return events.Item{}, io.EOF
}

func (p *polling) Close() {}

func TestControlSerialCursorIsCaught(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		serial bool
		missed bool
	}{
		{"numbers are given out when a transaction begins, and commits overtake each other", true, true},
		{"the same poller over the counter under the row lock: it is the numbers that are wrong", false, false},
	} {
		t.Run(fmt.Sprint("serial ", c.serial), func(t *testing.T) {
			t.Parallel()
			kinds := caught(t, parts{streams: newPoller, cache: realCache, reads: realReads}, func(r *run) {
				r.only = "send" // a poller does not handle pruning and removals
				r.world.(*memoryWorld).model.serial = c.serial
			})
			if c.missed {
				mustCatch(t, kinds, "missed", controlRuns/2)
			} else if kinds["missed"]+kinds["doubled"] > 0 {
				t.Errorf("%s: %v", c.reason, kinds)
			}
		})
	}
}
