package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"studychat/db"
)

const (
	disconnectAfter = 100 * time.Millisecond // from the start of a feed
	mostCuts        = 100
	nowSilence      = time.Second // in which a feed without a cursor must not deliver anything
)

// feedCuts disconnects feeds with a large backlog again and again, each resuming from its last cursor. They must finish
// and not reset anything that can still be delivered. Feeds without a cursor must not deliver earlier events.
func feedCuts(r *record) {
	r.Fault = fmt.Sprintf("feeds over each carrier, disconnected every %s and resumed at a random instance, over %d deleted chats and over %d messages in one chat; and feeds without a cursor of users whose chats have just ended", disconnectAfter, r.backlogChats, r.backlogMessages)
	w := newWorld(r, setting{})
	for over := range carriers {
		c := newCutter(w, over)
		c.deletedChats(r.backlogChats)
		c.untilAllDelivered(r, fmt.Sprintf("%d deletions", r.backlogChats))
		c = newCutter(w, over)
		c.messages(r.backlogMessages)
		c.untilAllDelivered(r, fmt.Sprintf("%d messages in one chat", r.backlogMessages))
	}
	w.fromNow(r)
}

// cutter is a user whose feed is disconnected again and again.
type cutter struct {
	w      *world
	over   carrier
	user   string
	cursor string
	want   map[place]bool
	items  int
	resets int
}

// place identifies an event.
type place struct {
	chat string
	seq  int64
}

func newCutter(w *world, over carrier) *cutter {
	c := &cutter{w: w, over: over, user: "cutter-" + db.NewID(), want: map[place]bool{}}
	c.cursor = c.listed()
	return c
}

// listed returns the feed's cursor from the list of chats.
func (c *cutter) listed() string {
	var list struct{ Chats struct{ EventCursor string } }
	c.w.must(c.user, listJoin, nil, &list)
	return list.Chats.EventCursor
}

// deletedChats inserts chats of the user in the state that a deletion leaves.
func (c *cutter) deletedChats(n int) {
	for range n {
		c.want[place{db.NewID(), 3}] = true
	}
	ids := make([]string, 0, n)
	for p := range c.want {
		ids = append(ids, p.chat)
	}
	c.w.sql(`INSERT INTO chats (id, title, created_by, created_at, last_at, last_message_at, head_seq, floor_seq, deleted_at)
SELECT id::uuid, '', $2, now(), now(), now(), 3, 2, now() FROM unnest($1::text[]) AS id`, ids, c.user)
	c.w.sql(`INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq) SELECT id::uuid, $2, 'OWNER', now(), 1 FROM unnest($1::text[]) AS id`, ids, c.user)
	c.w.sql(`INSERT INTO chat_events (chat_id, seq, kind, actor_id, payload, created_at) SELECT id::uuid, 3, 'CHAT_DELETED', $2, '{}', now() FROM unnest($1::text[]) AS id`, ids, c.user)
}

// messages inserts messages into a chat of the user.
func (c *cutter) messages(n int) {
	chat := db.NewID()
	c.w.must(c.user, createChat, vars{"id": chat, "title": "Torture"}, nil)
	c.want[place{chat, 1}] = true
	for seq := range n {
		c.want[place{chat, int64(seq + 2)}] = true
	}
	c.w.sql(`WITH moved AS (UPDATE chats SET head_seq = $2 + 1, last_at = now() WHERE id = $1)
INSERT INTO messages (id, chat_id, seq, author_id, role, content, created_at)
SELECT gen_random_uuid(), $1, n + 1, $3, 'USER', 'hi', now() FROM generate_series(1, $2) AS n`, chat, n, c.user)
}

// untilAllDelivered resumes and disconnects until every expected event has been delivered.
func (c *cutter) untilAllDelivered(r *record, what string) {
	due, cuts := len(c.want), 0
	began := time.Now()
	for ; len(c.want) > 0 && cuts < mostCuts; cuts++ {
		if err := c.once(r.Context()); err != nil {
			r.Logf("%s, after %s: %v", c.over, c.cursor, err)
		}
	}
	delivered := due - len(c.want)
	r.Committed, r.Delivered, r.Lost, r.Resets = r.Committed+due, r.Delivered+delivered, r.Lost+len(c.want), r.Resets+c.resets
	r.limit(len(c.want) == 0 && c.resets == 0, "%s over %s: %d events delivered over %d disconnects in %.1f s, %d of them repeated, %d resets", what, c.over, delivered, cuts, time.Since(began).Seconds(), c.items-delivered, c.resets)
}

// once follows the feed for a moment.
func (c *cutter) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := c.over.open(ctx, c.w.client, c.w.instances[rand.IntN(len(c.w.instances))], c.user, "", c.cursor)
	if err != nil {
		return err
	}
	defer s.close()
	begun := false
	for {
		f, err := s.read(ctx)
		if err != nil {
			return nil // it was disconnected
		}
		e, err := f.decode()
		if err != nil {
			return err
		}
		if !begun {
			begun = true
			time.AfterFunc(disconnectAfter, s.close)
		}
		c.cursor = e.Cursor
		switch {
		case e.Kind == "StreamReset":
			c.items++
			c.resets++
		case e.durable():
			c.items++
			delete(c.want, place{e.ChatID, e.Seq})
		}
		if len(c.want) == 0 {
			return nil
		}
	}
}

// fromNow opens feeds without a cursor for users whose chats were just deleted, left, joined and written to.
func (w *world) fromNow(r *record) {
	r.Helper()
	const each = 4
	var running sync.WaitGroup
	var mu sync.Mutex
	before, after := 0, 0
	for n := range each * int(carriers) {
		running.Go(func() {
			one, two := w.newcomer(r, carrier(n)%carriers)
			mu.Lock()
			defer mu.Unlock()
			before, after = before+one, after+two
		})
	}
	running.Wait()
	due := 2 * each * int(carriers)
	r.limit(before == 0 && after == due, "without a cursor: %d earlier events were delivered, and %d of %d later ones", before, after, due)
}

// newcomer is one such user. It counts the delivered events from before and after the start of the feed.
func (w *world) newcomer(r *record, over carrier) (before, after int) {
	user, owner := db.NewID(), db.NewID()
	do := func(document string, v vars, data any) {
		if err := post(r.Context(), w.client, w.instances[0], owner, document, v, data); err != nil {
			r.Error(err)
		}
	}
	chats := make([]string, 4)
	for n := range chats {
		chats[n] = db.NewID()
		do(createChat, vars{"id": chats[n], "title": "Torture"}, nil)
		do(sendMessage, vars{"chat": chats[n], "content": "before"}, nil)
		do(addMember, vars{"chat": chats[n], "user": user}, nil)
		do(sendMessage, vars{"chat": chats[n], "content": "before"}, nil)
	}
	do(deleteChat, vars{"id": chats[0]}, nil)
	do(dropMember, vars{"chat": chats[1], "user": user}, nil)
	do(sendMessage, vars{"chat": chats[1], "content": "not for them"}, nil)
	do(dropMember, vars{"chat": chats[2], "user": user}, nil)
	var last sent
	delivered := w.deliveredDuring(r, over, user, func() {
		do(addMember, vars{"chat": chats[2], "user": user}, nil)
		do(sendMessage, vars{"chat": chats[3], "content": "after"}, &last)
	})
	for _, e := range delivered {
		switch {
		case e.ChatID == chats[3] && e.Seq == last.SendMessage.Message.Seq, e.ChatID == chats[2] && e.Kind == "MemberAdded":
			after++
		default:
			r.Logf("without a cursor: %+v", e)
			before++
		}
	}
	return before, after
}

// deliveredDuring returns the events that a feed without a cursor delivers when do runs after its start.
func (w *world) deliveredDuring(r *record, over carrier, user string, do func()) (delivered []event) {
	ctx, cancel := context.WithTimeout(r.Context(), 15*time.Second)
	defer cancel()
	s, err := over.open(ctx, w.client, w.instances[rand.IntN(len(w.instances))], user, "", "")
	if err != nil {
		r.Error(err)
		return nil
	}
	defer s.close()
	if _, err := nextFrame(ctx, s); err != nil {
		r.Error(err)
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		pause(nowSilence / 2)
		do()
		pause(nowSilence / 2)
		s.close()
	}()
	for {
		f, err := s.read(ctx)
		if err != nil {
			break
		}
		if e, err := f.decode(); err == nil && (e.durable() || e.Kind == "StreamReset") {
			delivered = append(delivered, e)
		}
	}
	<-done
	return delivered
}
