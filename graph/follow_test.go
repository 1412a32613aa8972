package graph_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// inbox is a sink that keeps everything.
type inbox struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced by each change
	answers  []graph.Answer
	ended    bool
	full     bool // Offer is refused
	offered  int  // answers that came by Offer
	stopped  bool // nothing may call it any more
	unwanted int  // calls after the end
}

func newInbox() *inbox { return &inbox{changed: make(chan struct{})} }

func (i *inbox) change(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped || i.ended {
		i.unwanted++
	}
	do()
	close(i.changed)
	i.changed = make(chan struct{})
}

func (i *inbox) Put(ctx context.Context, answer graph.Answer) error {
	i.change(func() { i.answers = append(i.answers, answer) })
	return ctx.Err()
}

func (i *inbox) Offer(batch *graph.Batch) (taken bool) {
	i.change(func() {
		if taken = !i.full; taken {
			i.answers = append(i.answers, batch.Answers...)
			i.offered += len(batch.Answers)
		}
	})
	return taken
}

func (i *inbox) End() { i.change(func() { i.ended = true }) }

// until waits until the condition holds.
func (i *inbox) until(t *testing.T, reason string, holds func() bool) {
	t.Helper()
	late := time.After(waitLong)
	for {
		i.mu.Lock()
		ok, changed := holds(), i.changed
		i.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%s: only %d answers came, ended: %v", reason, len(i.answers), i.ended)
		}
	}
}

// take waits for n answers and returns the last of them.
func (i *inbox) take(t *testing.T, n int) graph.Answer {
	t.Helper()
	i.until(t, "answers", func() bool { return len(i.answers) >= n })
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.answers[n-1]
}

// as is the context of a request of the user over a transport that carries subscriptions.
func as(ctx context.Context, user string, request graph.Request) context.Context {
	if request.Disconnect == nil {
		request.Disconnect = func() {}
	}
	return auth.WithViewer(graph.WithRequest(ctx, request), auth.Viewer{ID: user})
}

// subscribe follows the document as the user, until the end of the test.
func (e *edge) subscribe(ctx context.Context, document string, v vars, sink graph.Sink) (*graph.Subscription, *gqlgen.Response) {
	e.t.Helper()
	prepared, refusal := e.exec.Prepare(ctx, &gqlgen.RawParams{Query: document, Variables: v})
	if refusal != nil {
		e.t.Fatalf("not prepared: %v", refusal.Errors)
	}
	s, refusal := prepared.Follow(ctx, sink)
	if s != nil {
		e.t.Cleanup(s.Stop)
	}
	return s, refusal
}

const shortEvents = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor } }`

func TestFollow(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	in, started := newInbox(), ""
	ctx := as(t.Context(), "ann", graph.Request{Started: func(cursor string) { started += cursor }})
	s, refusal := e.subscribe(ctx, shortEvents, vars{"chat": chat1, "after": place(2)}, in)
	if refusal != nil || started != place(2) {
		t.Fatalf("refused: %v; started at %q", refusal, started)
	}
	if first := in.take(t, 1); first.Cursor != place(2) || string(first.Payload) != `{"data":{"chatEvents":{"__typename":"StreamStarted","cursor":"`+place(2)+`"}}}` {
		t.Errorf("the first answer is %s at %s", first.Payload, first.Cursor)
	}
	if next := in.take(t, 2); next.Cursor != place(3) || !strings.Contains(string(next.Payload), next.Cursor) {
		t.Errorf("the second answer is %s at %s", next.Payload, next.Cursor)
	}
	s.Stop()
	s.Stop()
	in.mu.Lock()
	in.stopped = true
	in.mu.Unlock()
	e.must("ann", `mutation { renameChat(input: {chatId: "`+chat1+`", title: "Groups"}) { chat { id } } }`, nil)
	if in.unwanted > 0 || in.ended {
		t.Errorf("%d calls after Stop, ended: %v", in.unwanted, in.ended)
	}
}

// TestFollowEnds: the last event is followed by End, and by nothing else.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	in := newInbox()
	if _, refusal := e.subscribe(as(t.Context(), "bob", graph.Request{}), shortEvents, vars{"chat": chat1}, in); refusal != nil {
		t.Fatal(refusal.Errors)
	}
	in.take(t, 1)
	e.must("ann", `mutation { removeMember(input: {chatId: "`+chat1+`", userId: "bob"}) { chat { id } } }`, nil)
	in.until(t, "end", func() bool { return in.ended })
	if last := string(in.answers[len(in.answers)-1].Payload); !strings.Contains(last, "MemberRemoved") || in.unwanted > 0 {
		t.Errorf("ended after %s, with %d calls after the end", last, in.unwanted)
	}
}

// TestFollowRefused: a subscription that may not start is answered without data, and its sink is not called.
func TestFollowRefused(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	for _, c := range []struct {
		reason, user string
		v            vars
		want         db.Code
	}{
		{"a stranger", "eve", vars{"chat": chat1}, db.CodeNotFound},
		{"not a cursor", "ann", vars{"chat": chat1, "after": "x"}, db.CodeBadUserInput},
	} {
		in := newInbox()
		s, refusal := e.subscribe(as(t.Context(), c.user, graph.Request{}), shortEvents, c.v, in)
		switch {
		case s != nil || refusal == nil || len(refusal.Data) > 0:
			t.Errorf("%s: %v, %v", c.reason, s, refusal)
		case refusal.Errors[0].Extensions["code"] != string(c.want) || refusal.Errors[0].Path.String() != "chatEvents":
			t.Errorf("%s: %+v", c.reason, refusal.Errors[0])
		case len(in.answers) > 0 || in.ended:
			t.Errorf("%s: the sink was called", c.reason)
		}
	}
	_, refusal := e.subscribe(auth.WithViewer(t.Context(), auth.Viewer{ID: "ann"}), shortEvents, vars{"chat": chat1}, newInbox())
	if refusal == nil || !strings.Contains(refusal.Errors[0].Message, "needs WebSocket") {
		t.Errorf("over a transport that cannot stream: %v", refusal)
	}
}

// TestFollowBrokenConnection: a sink that cannot take answers any more ends the subscription.
func TestFollowBrokenConnection(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	broken := &brokenSink{err: errors.New("gone"), called: make(chan struct{}, 10)}
	s, refusal := e.subscribe(as(t.Context(), "ann", graph.Request{}), shortEvents, vars{"chat": chat1, "after": place(0)}, broken)
	if refusal != nil {
		t.Fatal(refusal.Errors)
	}
	<-broken.called
	s.Stop()
	if len(broken.called) > 0 {
		t.Errorf("%d calls after the first failure", len(broken.called))
	}
}

type brokenSink struct {
	err    error
	called chan struct{}
}

func (b *brokenSink) Put(context.Context, graph.Answer) error {
	b.called <- struct{}{}
	return b.err
}

func (b *brokenSink) Offer(*graph.Batch) bool { b.called <- struct{}{}; return false }
func (b *brokenSink) End()                    { b.called <- struct{}{} }
