package graph_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
)

// sameBytes says whether two answers are one rendering.
func sameBytes(a, b graph.Answer) bool { return &a.Payload[0] == &b.Payload[0] }

// joined follows the document as the user and waits until the subscription is in its group: what comes next is offered.
func (e *edge) joined(user, document string, v vars) (*inbox, *graph.Subscription) {
	e.t.Helper()
	in := newInbox()
	s, refusal := e.subscribe(as(e.t.Context(), user, graph.Request{}), document, v, in)
	if refusal != nil {
		e.t.Fatal(refusal.Errors)
	}
	e.settle(in)
	return in, s
}

// settle waits until the subscription gets a typing event by an offer.
func (e *edge) settle(in *inbox) {
	e.t.Helper()
	for typing := true; ; typing = !typing {
		in.mu.Lock()
		offered, had := in.offered, len(in.answers)
		in.mu.Unlock()
		e.must("cid", `mutation ($on: Boolean!) { setTyping(input: {chatId: "`+chat1+`", typing: $on}) { chatId } }`, vars{"on": typing})
		in.until(e.t, "typing", func() bool { return len(in.answers) > had })
		if in.mu.Lock(); in.offered > offered {
			in.mu.Unlock()
			return
		}
		in.mu.Unlock()
	}
}

// last waits for an answer that holds the text, and returns it.
func (i *inbox) last(t *testing.T, text string) (answer graph.Answer) {
	t.Helper()
	i.until(t, text, func() bool {
		for _, a := range i.answers {
			if strings.Contains(string(a.Payload), text) {
				answer = a
				return true
			}
		}
		return false
	})
	return answer
}

func (e *edge) addCid() {
	e.t.Helper()
	e.must("cid", `{ chats(first: 1) { totalCount } }`, nil)
	e.must("ann", `mutation { addMember(input: {chatId: "`+chat1+`", userId: "cid"}) { chat { id } } }`, nil)
}

func (e *edge) rename(title string) {
	e.t.Helper()
	e.must("ann", `mutation ($t: String!) { renameChat(input: {chatId: "`+chat1+`", title: $t}) { chat { id } } }`, vars{"t": title})
}

// TestFollowersShareAnswers: subscribers who asked alike, from wherever, get the same bytes.
func TestFollowersShareAnswers(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.addCid()
	const document = `subscription ($chat: ID, $after: String) {
		chatEvents(chatId: $chat, after: $after) { __typename cursor ... on ChatRenamed { title actor { id name } } } }`
	ann, _ := e.joined("ann", document, vars{"chat": chat1})
	bob, _ := e.joined("bob", document, vars{"chat": chat1, "after": place(1)})
	other, _ := e.joined("bob", strings.Replace(document, "cursor", "at", 1), vars{"chat": chat1})
	e.settle(ann)
	e.rename("Rings")
	one, two, three := ann.last(t, "Rings"), bob.last(t, "Rings"), other.last(t, "Rings")
	if !sameBytes(one, two) || one.Cursor == "" || one.Cursor != two.Cursor {
		t.Errorf("two renderings for one group:\n%s\n%s", one.Payload, two.Payload)
	}
	if sameBytes(one, three) || strings.Contains(string(three.Payload), "cursor") {
		t.Errorf("another document got %s", three.Payload)
	}
}

// TestViewersDoNotShareWhatDependsOnThem: no viewer gets bytes that were rendered for another one.
func TestViewersDoNotShareWhatDependsOnThem(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.addCid()
	for _, c := range []struct {
		reason, selected string
		shared           bool // messages
	}{
		{"the viewer's own count, of read marks alone", `... on MessagesRead { user { id } unreadCount } ... on MessageSent { message { content } }`, true},
		{"the chat, of every event", `... on MessagesRead { user { id } unreadCount } ... on DurableChatEvent { chat { id title } } ... on MessageSent { message { content } }`, false},
	} {
		document := `subscription ($chat: ID) { chatEvents(chatId: $chat) { __typename ` + c.selected + ` } }`
		ann, _ := e.joined("ann", document, vars{"chat": chat1})
		bob, _ := e.joined("bob", document, vars{"chat": chat1})
		again, _ := e.joined("bob", document, vars{"chat": chat1})
		e.settle(ann)
		e.settle(bob)
		sent := "Hi " + c.reason
		e.must("ann", `mutation ($text: String!) { sendMessage(input: {chatId: "`+chat1+`", content: $text}) { message { id } } }`, vars{"text": sent})
		one, two, three := ann.last(t, sent), bob.last(t, sent), again.last(t, sent)
		if sameBytes(one, two) != c.shared {
			t.Errorf("%s: two viewers share a message: %v", c.reason, !c.shared)
		}
		if !sameBytes(two, three) {
			t.Errorf("%s: one viewer's subscriptions do not share a message", c.reason)
		}
		e.must("bob", `mutation { markRead(input: {chatId: "`+chat1+`", seq: 1000}) { chat { id } } }`, nil)
		own, others := bob.last(t, "MessagesRead"), ann.last(t, "MessagesRead")
		if strings.Contains(string(own.Payload), `"unreadCount":null`) || !strings.Contains(string(others.Payload), `"unreadCount":null`) {
			t.Errorf("%s: bob got %s, ann got %s", c.reason, own.Payload, others.Payload)
		}
	}
}

// TestRemovedFollower: a removal ends exactly the subscriptions of the removed member, with that event.
func TestRemovedFollower(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.addCid()
	ann, _ := e.joined("ann", shortEvents, vars{"chat": chat1})
	bob, _ := e.joined("bob", shortEvents, vars{"chat": chat1})
	e.settle(ann)
	e.must("ann", `mutation { removeMember(input: {chatId: "`+chat1+`", userId: "bob"}) { chat { id } } }`, nil)
	e.rename("Without bob")
	bob.until(t, "the end", func() bool { return bob.ended })
	ann.last(t, "ChatRenamed")
	if last := string(bob.answers[len(bob.answers)-1].Payload); !strings.Contains(last, "MemberRemoved") || ann.ended {
		t.Errorf("bob's last answer is %s; ann's subscription ended: %v", last, ann.ended)
	}
}

// TestFullFollower: a connection without room catches up alone, and misses nothing.
func TestFullFollower(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.addCid()
	in, _ := e.joined("ann", shortEvents, vars{"chat": chat1})
	in.mu.Lock()
	in.full = true
	from := len(in.answers)
	in.mu.Unlock()
	for n := range 5 {
		e.rename(fmt.Sprint("Title ", n))
	}
	renamed := func() (n int) {
		for _, a := range in.answers[from:] {
			n += strings.Count(string(a.Payload), "ChatRenamed")
		}
		return n
	}
	in.until(t, "while it is full", func() bool { return renamed() == 5 })
	in.mu.Lock()
	in.full = false
	in.mu.Unlock()
	e.settle(in)
	e.rename("Last")
	in.until(t, "after it", func() bool { return renamed() == 6 })
}

// TestStopWaits: after Stop nothing calls the sink, however many events come.
func TestStopWaits(t *testing.T) {
	t.Parallel()
	e := seeded(t)
	e.addCid()
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			e.rename(fmt.Sprint("Title ", n))
		}
	})
	for range 20 {
		in := newInbox()
		s, refusal := e.subscribe(as(t.Context(), "ann", graph.Request{}), shortEvents, vars{"chat": chat1, "after": place(1)}, in)
		if refusal != nil {
			t.Fatal(refusal.Errors)
		}
		in.take(t, 4)
		s.Stop()
		in.mu.Lock()
		in.stopped = true
		in.mu.Unlock()
		defer func() {
			if in.unwanted > 0 {
				t.Errorf("%d calls after Stop", in.unwanted)
			}
		}()
	}
	cancel()
	writing.Wait()
}

// TestGroupsWaitForTheDatabase: a group does not wait for a database that does not answer. Its subscribers do, each for itself, and
// get the event whole.
func TestGroupsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	store, bus := newStore(t, log), events.NewMemoryBus()
	live := hub.New(store, bus, events.NewMemoryRegistry(), log)
	must(t, live.Start(t.Context()))
	t.Cleanup(live.Stop)
	repo := &flaky{Repository: events.NewPublisher(store, bus, log), calls: map[string]int{"chats": 9, "viewer states": 9, "read marks": 9}}
	_, err := repo.CreateChat(t.Context(), "ann", db.NewChat{ID: chat1, Title: "A chat"})
	must(t, err)
	e := serveEdge(t, repo, live, log)
	e.addCid()
	const document = `subscription ($chat: ID) { chatEvents(chatId: $chat) { __typename cursor ... on MemberAdded { member { user { id name } } } } }`
	ann, _ := e.joined("ann", document, vars{"chat": chat1})
	cid, _ := e.joined("cid", document, vars{"chat": chat1})
	e.settle(ann)
	repo.mu.Lock()
	repo.calls["users"] = 0
	repo.mu.Unlock()
	_, err = repo.AddMember(t.Context(), "ann", chat1, "dan") // whose name is not in memory
	must(t, err)
	for _, in := range []*inbox{ann, cid} {
		if got := string(in.last(t, "MemberAdded").Payload); !strings.Contains(got, `"name":"dan"`) || strings.Contains(got, "errors") {
			t.Errorf("got %s", got)
		}
	}
	if repo.mu.Lock(); repo.calls["users"] < 3 {
		t.Errorf("%d reads of users: the database did not fail", repo.calls["users"])
	}
	repo.mu.Unlock()
	e.settle(ann)
}
