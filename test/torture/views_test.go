package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

// view is a query that shows a chat; its value is the highest number of a message in the result.
type view struct {
	name     string
	document string
}

var views = []view{
	{"chat", `query ($id: ID!) { chat(id: $id) { id lastMessage { seq } } }`},
	{"node", `query ($id: ID!) { node(id: $id) { ... on Chat { id lastMessage { seq } } } }`},
	{"chats", `{ chats(first: 20) { edges { node { id lastMessage { seq } } } } }`},
	{"history", `query ($id: ID!) { chat(id: $id) { id messages(last: 5) { edges { node { seq } } } } }`},
}

// seen is the result of any view.
type seen struct {
	Chat, Node *seenChat
	Chats      struct{ Edges []struct{ Node seenChat } }
}

type seenChat struct {
	ID          string
	LastMessage struct{ Seq int64 }
	Messages    struct {
		Edges []struct{ Node struct{ Seq int64 } }
	}
}

// of returns the shown number of the chat, or gone if the result does not contain it.
func (s seen) of(chat string) int64 {
	all := []*seenChat{s.Chat, s.Node}
	for _, e := range s.Chats.Edges {
		all = append(all, &e.Node)
	}
	for _, c := range all {
		switch {
		case c == nil || c.ID != chat:
		case len(c.Messages.Edges) > 0:
			return c.Messages.Edges[len(c.Messages.Edges)-1].Node.Seq
		default:
			return c.LastMessage.Seq
		}
	}
	return gone
}

const viewedChats = 8

// viewing is readers of all views of the chats, and writers to those chats, over GraphQL, with a history for each view.
// Each chat has a guest.
type viewing struct {
	w       *world
	r       *record
	h       map[string]*history // by view
	chats   [viewedChats]string
	writers []*instance // the instances that write
	readers []*instance

	stop     context.CancelFunc
	workers  sync.WaitGroup
	problems atomic.Int64
	count    atomic.Int64
}

const viewer = "owner"

func guestOf(n int) string { return fmt.Sprintf("guest-%d", n) }

func (w *world) newViewing(r *record, writers, readers []*instance) *viewing {
	r.Helper()
	v := &viewing{w: w, r: r, h: map[string]*history{}, writers: writers, readers: readers}
	began := time.Now()
	for _, view := range views {
		v.h[view.name] = &history{began: began}
	}
	for n := range v.chats {
		v.chats[n] = db.NewID()
		w.must(viewer, createChat, vars{"id": v.chats[n], "title": "Viewed"}, nil)
		w.must(viewer, addMember, vars{"chat": v.chats[n], "user": guestOf(n)}, nil)
		v.send(n)
	}
	ctx, stop := context.WithCancel(context.Background())
	v.stop = stop
	r.Cleanup(v.end)
	v.more(ctx, 1)
	return v
}

// more starts a writer at each writing instance, and readers of each view at each reading one.
func (v *viewing) more(ctx context.Context, times int) {
	loop := func(do func()) {
		v.workers.Go(func() {
			for ctx.Err() == nil {
				do()
				pause(rand.N(10 * time.Millisecond))
			}
		})
	}
	for range times {
		for range v.writers {
			loop(func() { v.send(rand.IntN(viewedChats)) })
		}
		for _, i := range v.readers {
			for _, view := range views {
				loop(func() { v.observe(i, view) })
			}
		}
	}
}

func (v *viewing) end() {
	v.stop()
	v.workers.Wait()
}

func (v *viewing) failed(err error) bool {
	if err != nil && v.problems.Add(1) < 10 {
		v.r.Logf("viewing: %v", err)
	}
	return err != nil
}

func (v *viewing) send(n int) {
	h := v.h[views[0].name]
	i := v.writers[v.count.Add(1)%int64(len(v.writers))]
	var answer sent
	call := h.now()
	err := post(context.Background(), v.w.client, i, viewer, sendMessage, vars{"id": db.NewID(), "chat": v.chats[n], "content": "value"}, &answer)
	if v.failed(err) {
		return
	}
	o := op{chat: v.chats[n], kind: writes, value: answer.SendMessage.Message.Seq, call: call, ret: h.now()}
	for _, h := range v.h {
		h.add(o)
	}
}

// remove removes the guest from the chat. From then on the chat's value is gone for the guest.
func (v *viewing) remove(n int) {
	h := v.h[views[0].name]
	call := h.now()
	err := post(context.Background(), v.w.client, v.writers[0], viewer, dropMember,
		vars{"chat": v.chats[n], "user": "user:" + guestOf(n)}, nil)
	if v.failed(err) {
		return
	}
	o := op{chat: guestOf(n), kind: deletes, value: gone, call: call, ret: h.now()}
	for _, h := range v.h {
		h.add(o)
	}
}

// observe reads a chat as its owner or as its guest.
func (v *viewing) observe(i *instance, view view) {
	n, h := rand.IntN(viewedChats), v.h[view.name]
	user, register := viewer, v.chats[n]
	if rand.IntN(3) == 0 {
		user, register = guestOf(n), guestOf(n)
	}
	v.count.Add(1)
	var answer seen
	call := h.now()
	err := post(context.Background(), v.w.client, i, user, view.document, vars{"id": v.chats[n]}, &answer)
	if codeOf(err) == "NOT_FOUND" {
		err = nil
	}
	if v.failed(err) {
		return
	}
	value := answer.of(v.chats[n])
	if user != viewer && value != gone {
		value = 0 // shows only whether they may see it
	}
	h.add(op{chat: register, kind: reads, value: value, call: call, ret: h.now()})
}

// keyspaceHits returns the number of hits in Redis: a check of an unused cache proves nothing.
func (v *viewing) keyspaceHits() int64 {
	text, err := admin(v.r, v.w.redis.Addr()).Info(v.r.Context(), "stats").Result()
	v.r.must(err)
	_, text, _ = strings.Cut(text, "keyspace_hits:")
	text, _, _ = strings.Cut(text, "\r")
	hits, err := strconv.ParseInt(text, 10, 64)
	v.r.must(err)
	return hits
}

// used lets time pass and requires that the cache is used meanwhile.
func (v *viewing) used(when string, d time.Duration) {
	before := v.keyspaceHits()
	pause(d)
	hits := v.keyspaceHits() - before
	v.r.limit(hits >= 100, "%d hits in Redis %s", hits, when)
}

// judge stops the load and returns the stale reads of each view: after writes, and by removed guests.
func (v *viewing) judge() (written, removed map[string][]staleRead) {
	v.end()
	written, removed = map[string][]staleRead{}, map[string][]staleRead{}
	total, pairs, writing := 0, 0, 0
	for _, view := range views {
		ops := v.h[view.name].ops
		for _, s := range judgeReads(ops) {
			to := written
			if strings.HasPrefix(s.chat, "guest-") {
				to = removed
			}
			to[view.name] = append(to[view.name], s)
		}
		writing = len(slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.kind == reads }))
		total += len(ops) - writing
		pairs += newThenOld(ops)
	}
	v.r.Stale = 0
	for _, view := range views {
		v.r.Stale += len(written[view.name]) + len(removed[view.name])
	}
	v.r.limit(v.problems.Load() == 0, "%d reads over %d views, %d writes; %d failed", total, len(views), writing, v.problems.Load())
	v.r.note("%d times new and then old", pairs)
	return written, removed
}
