package graph_test

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
)

const benchEvents = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) {
	__typename cursor ... on MessageSent { message { id seq author { id name } content createdAt } } } }`

// crowd is many subscribers of one chat, over sinks that take everything.
type crowd struct {
	repo  db.Repository
	bus   events.Bus
	exec  *graph.Executor
	all   []*countingSink
	told  atomic.Int64
	joins sync.WaitGroup // until each is in its group
}

type countingSink struct {
	of     *crowd
	joined bool
}

func (s *countingSink) Put(context.Context, graph.Answer) error { s.of.told.Add(1); return nil }
func (s *countingSink) Offer(batch *graph.Batch) bool {
	if !s.joined {
		s.joined = true
		s.of.joins.Done()
	}
	s.of.told.Add(int64(len(batch.Answers)))
	return true
}
func (s *countingSink) End() {}

// unswept is a log whose heads cannot be read: the events of these tests are not in it.
type unswept struct{ db.EventReads }

func (unswept) Heads(context.Context, []string) ([]db.Head, error) {
	return nil, db.Unavailable(errors.New("not here"))
}

func (unswept) Changes(context.Context, time.Time, int) (db.Changes, error) {
	return db.Changes{}, db.Unavailable(errors.New("not here"))
}

func newCrowd(t testing.TB) *crowd {
	log := slog.New(slog.DiscardHandler)
	store, bus := newStore(t, log), events.NewMemoryBus()
	live := hub.New(unswept{store}, bus, events.NewMemoryRegistry(), log)
	if err := live.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(live.Stop)
	c := &crowd{repo: events.NewPublisher(store, bus, log), bus: bus}
	c.exec = graph.NewExecutor(&graph.Resolver{Repo: c.repo, Live: live, Log: log}, graph.Options{})
	if _, err := c.repo.CreateChat(t.Context(), "ann", db.NewChat{ID: chat1, Title: "A crowd"}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crowd) prepare(t testing.TB) (context.Context, *graph.Operation) {
	ctx := as(t.Context(), "ann", graph.Request{ID: "request"})
	prepared, refusal := c.exec.Prepare(ctx, &gqlgen.RawParams{Query: benchEvents, Variables: vars{"chat": chat1}})
	if refusal != nil {
		t.Fatal(refusal.Errors)
	}
	return ctx, prepared
}

// follow adds n subscribers and waits until they are in their group.
func (c *crowd) follow(t testing.TB, n int) {
	c.joins.Add(n)
	for range n {
		ctx, prepared := c.prepare(t)
		sink := &countingSink{of: c}
		s, refusal := prepared.Follow(ctx, sink)
		if refusal != nil {
			t.Fatal(refusal.Errors)
		}
		t.Cleanup(s.Stop)
		c.all = append(c.all, sink)
	}
	joined := make(chan struct{})
	go func() { c.joins.Wait(); close(joined) }()
	for on := true; ; on = !on {
		events.PublishEphemeral(t.Context(), c.bus, events.Ephemeral{Kind: events.TypingChanged, ChatID: chat1, User: "ann", At: time.Now(), On: on})
		select {
		case <-joined:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// notify sends a message that no database has.
func (c *crowd) notify(seq int64) {
	event := &db.Event{ChatID: chat1, Seq: seq, Epoch: 1, Kind: db.MessageSent, Actor: "ann", Message: &db.Message{
		ID: message1, ChatID: chat1, Seq: seq, Author: "ann", Content: "The quick brown fox jumps over the lazy dog.",
	}}
	c.bus.Publish(context.Background(), events.Notification{Topic: events.ChatTopic(chat1), Epoch: 1, Seq: seq, Event: event})
}

// BenchmarkFanOut is one event to 5,000 subscribers: in a group, and each with its own execution.
func BenchmarkFanOut(b *testing.B) {
	const n = 5000
	b.Run("group", func(b *testing.B) {
		c := newCrowd(b)
		c.follow(b, n)
		c.run(b, n)
	})
	b.Run("each", func(b *testing.B) {
		c := newCrowd(b)
		var ready, done sync.WaitGroup
		ctx, cancel := context.WithCancel(b.Context())
		for range n {
			_, prepared := c.prepare(b)
			ready.Add(1)
			done.Go(func() {
				next := prepared.Stream(as(ctx, "ann", graph.Request{}))
				next()
				ready.Done()
				for answer := next(); answer != nil; answer = next() {
					c.told.Add(1)
				}
			})
		}
		ready.Wait()
		c.run(b, n)
		cancel()
		done.Wait()
	})
}

// run sends one event after the other, each when all have the last one.
func (c *crowd) run(b *testing.B, n int64) {
	seq := int64(1)
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		seq++
		want := c.told.Load() + n
		c.notify(seq)
		for c.told.Load() < want {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
}

// TestMemoryOfASubscription: a quiet subscription is a few small structs. What its connection takes comes on top.
func TestMemoryOfASubscription(t *testing.T) { //nolint:paralleltest // it measures what the whole process holds
	if raced {
		t.Skip("the race detector needs memory of its own")
	}
	const n, most = 2000, 2200
	c := newCrowd(t)
	c.follow(t, 10) // what is made once
	before := heapAndStacks()
	c.follow(t, n)
	each := float64(heapAndStacks()-before) / n
	t.Logf("%.0f bytes for each subscription", each)
	if each > most {
		t.Errorf("%.0f bytes for each subscription, more than %d", each, most)
	}
	if running := runtime.NumGoroutine(); running > n/10 {
		t.Errorf("%d goroutines for %d quiet subscriptions", running, n)
	}
}

// heapAndStacks is what the process holds after a collection, in bytes.
func heapAndStacks() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
