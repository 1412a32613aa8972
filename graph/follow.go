package graph

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"studychat/events"
	"studychat/graph/generated"
)

// Subscription delivers the answers of one subscription to its sink, until Stop. While the subscription has everything and its
// connection has room, it is a member of a group (events.Audience) and has no goroutine.
type Subscription struct {
	stream   events.Stream
	resolver subscriptionResolver
	sink     Sink
	ctx      context.Context //nolint:containedctx // the viewer and the request; it does not end

	// Of the goroutine that serves, or of nobody.
	audience *audience
	first    *events.Item // comes before those of stream

	mu      sync.Mutex
	stopped bool
	cancel  context.CancelFunc // ends serve; nil while nothing runs it
	runs    int                // how often serve was begun
	serving sync.WaitGroup
}

var _ events.Member = (*Subscription)(nil)

// Follow starts a subscription. It returns when it is settled where the subscription goes on, after Request.Started was called;
// a refusal is an answer without data. Until then ctx bounds it. From ctx the subscription keeps the viewer and the Request for
// as long as it lasts, but not the end: that is Stop, which must be called once the subscription is not needed, also after Sink.End.
//
// The sink may be called before Follow has returned. Neither the sink's methods nor Request.Disconnect may call Stop, which waits for
// them; nor may the caller of Stop hold a lock that they take.
func (o *Operation) Follow(ctx context.Context, sink Sink) (s *Subscription, refusal *graphql.Response) {
	defer func() {
		if cause := recover(); cause != nil {
			s, refusal = nil, o.executor.panicked(ctx, cause)
		}
		o.executor.answered(ctx, refusal)
	}()
	if err := o.executor.admit(ctx, o); err != nil {
		return nil, o.executor.refuse(ctx, err)
	}
	p := o.plan()
	s = &Subscription{resolver: o.executor.subscriptions, sink: sink, ctx: lasting(ctx)}
	errs := p.Start(ctx, o.variables, func(arguments any) error {
		args, _ := arguments.(*generated.SubscriptionChatEventsArgs)
		return s.open(ctx, args.ChatId, args.After)
	})
	if len(errs) > 0 {
		return nil, &graphql.Response{Errors: errs}
	}
	s.audience = newAudience(ctx, o, p, s.resolver)
	s.Resume()
	return s, nil
}

// open opens the stream, and takes the item that says where it begins.
func (s *Subscription) open(ctx context.Context, chatID, after *string) error {
	stream, started, err := s.resolver.open(ctx, chatID, after)
	if err != nil {
		return err
	}
	first, err := stream.Next(ctx)
	switch {
	case errors.Is(err, io.EOF): // serve finds it again
	case err != nil:
		stream.Close()
		s.resolver.ended(ctx, err)
		return err
	default:
		s.first = &first
		if first.Started != nil {
			started(first.Cursor)
		}
	}
	s.stream = stream
	return nil
}

// Stop ends the subscription. When it returns, nothing calls the sink any more. It is idempotent.
func (s *Subscription) Stop() {
	s.mu.Lock()
	s.stopped = true
	if s.cancel != nil {
		s.cancel()
	}
	s.mu.Unlock()
	s.serving.Wait() // first: it may be closing the stream too
	s.leave()
}

func (s *Subscription) leave() {
	if shared, ok := s.stream.(events.Shared); ok {
		shared.Leave()
		return
	}
	s.stream.Close()
}

// Resume implements events.Member: a goroutine serves the subscription until it can join its group.
func (s *Subscription) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.runs++
	s.cancel = cancel
	run := s.runs
	s.serving.Go(func() {
		s.serve(ctx)
		cancel()
		s.rest(run)
	})
}

// rest forgets how the run of serve is ended, unless the group has made the subscription serve itself again already.
func (s *Subscription) rest(run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runs == run {
		s.cancel = nil
	}
}

// Offer implements events.Member.
func (s *Subscription) Offer(batch any) bool {
	answers, ok := batch.(*Batch)
	return ok && s.sink.Offer(answers)
}

// serve delivers one item after the other.
func (s *Subscription) serve(ctx context.Context) {
	shared, _ := s.stream.(events.Shared)
	for {
		if s.first == nil && shared != nil && shared.Join(s.audience, s) {
			return
		}
		item, err := s.next(ctx)
		if err != nil {
			s.ended(ctx, err)
			return
		}
		if answer, shown := s.audience.answer(ctx, item); shown && s.sink.Put(ctx, answer) != nil {
			s.leave()
			return
		}
	}
}

func (s *Subscription) next(ctx context.Context) (events.Item, error) {
	if first := s.first; first != nil {
		s.first = nil
		return *first, nil
	}
	return s.stream.Next(ctx)
}

// ended ends the subscription with its stream.
func (s *Subscription) ended(ctx context.Context, err error) {
	s.leave()
	switch {
	case ctx.Err() != nil: // by Stop
	case errors.Is(err, io.EOF):
		s.sink.End()
	default:
		s.resolver.ended(ctx, err)
	}
}

// Place is how far a subscription has come.
type Place struct {
	events.Place

	Operation string // the name of the operation in its document; "" without one
}

// Place may be called from when Follow has returned, by any goroutine, also after Stop.
func (s *Subscription) Place() Place {
	p := Place{Operation: s.audience.name}
	if placed, ok := s.stream.(events.Placed); ok {
		p.Place = placed.Place()
	}
	return p
}
