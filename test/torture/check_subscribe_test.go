package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

const (
	racers = 25
	unread = 5 * time.Second // after which a socket is not reused: without a reader it answered no ping
)

// subscribeRace subscribes at random moments of a burst. An event committed between the reading of the cursor and the
// start of the subscription must arrive exactly once.
func subscribeRace(r *record) {
	r.chats, r.subscribers = 6, 24
	r.Fault = fmt.Sprintf("%d subscriptions at random moments of a burst", r.races)
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	v := verdict{}
	var mu sync.Mutex
	var racing sync.WaitGroup
	left := atomic.Int64{}
	left.Store(int64(r.races))
	got := map[string][]event{} // by chat
	for range racers {
		racing.Go(func() {
			one := racer{l: l, sockets: map[string]*socket{}, used: map[string]time.Time{}}
			for left.Add(-1) >= 0 {
				one.race(r.Context())
			}
			one.close()
			mu.Lock()
			defer mu.Unlock()
			v.add(one.verdict)
			for _, e := range one.got {
				got[e.ChatID] = append(got[e.ChatID], e)
			}
		})
	}
	racing.Wait()
	t := l.judge()
	for _, events := range got {
		for _, e := range events {
			v.compare(e, t)
		}
	}
	for _, problem := range v.problems[:min(20, len(v.problems))] {
		r.Log(problem)
	}
	r.Committed, r.Delivered, r.Lost, r.Gaps = r.Committed+v.due, r.Delivered+v.got, r.Lost+v.lost, r.Gaps+v.gaps
	r.limit(v.clean() && v.due >= r.races, "%d subscriptions: %d did not begin at cursor + 1 or continued with a gap, %d got nothing, %d did not begin with one StreamStarted", r.races, v.gaps, v.lost, v.starts)
}

// racer subscribes repeatedly to random instances, over sockets that it keeps.
type racer struct {
	l       *traffic
	sockets map[string]*socket // by instance and user
	used    map[string]time.Time
	next    int
	verdict verdict
	got     []event
}

func (c *racer) close() {
	for _, s := range c.sockets {
		s.close()
	}
}

func (c *racer) race(ctx context.Context) {
	n := rand.IntN(len(c.l.rooms))
	room, user := c.l.rooms[n], member(n, 0)
	cursor, seq, err := c.cursor(ctx, room, user)
	if err != nil {
		c.verdict.object(&c.verdict.lost, "cursor: %v", err)
		return
	}
	s, err := c.socket(ctx, rand.IntN(len(c.l.w.instances)), user)
	if err != nil {
		c.verdict.object(&c.verdict.lost, "socket: %v", err)
		return
	}
	c.next++
	id := fmt.Sprint(c.next)
	if err = s.subscribe(ctx, id, room.id, cursor); err == nil {
		err = c.expect(ctx, s, id, seq, 1+rand.IntN(4))
	}
	if err == nil {
		err = s.write(ctx, frame{ID: id, Type: "complete"}, nil)
	}
	if err != nil {
		c.verdict.object(&c.verdict.lost, "after %s: %v", cursor, err)
	}
}

// cursor returns a cursor that was just queried, or that of an earlier message.
func (c *racer) cursor(ctx context.Context, room room, user string) (string, int64, error) {
	var answer struct{ Chat struct{ EventCursor string } }
	err := post(ctx, c.l.w.client, c.l.w.instances[rand.IntN(3)], user, readChat, vars{"id": room.id}, &answer)
	if err != nil {
		return "", 0, err
	}
	cursor, err := db.ParseCursor("eventCursor", answer.Chat.EventCursor, room.id)
	if err != nil {
		return "", 0, err
	}
	if rand.IntN(2) == 0 {
		cursor.Seq = max(room.seq, cursor.Seq-rand.Int64N(400)) // in the ring, or before it
	}
	return cursor.String(), cursor.Seq, nil
}

func (c *racer) socket(ctx context.Context, at int, user string) (*socket, error) {
	key := fmt.Sprint(at, user)
	last := c.used[key]
	c.used[key] = time.Now()
	if s := c.sockets[key]; s != nil {
		if time.Since(last) < unread {
			return s, nil
		}
		s.close()
		delete(c.sockets, key)
	}
	s, err := dial(ctx, c.l.w.instances[at], user)
	if err == nil {
		c.sockets[key] = s
	}
	return s, err
}

// expect reads the subscription's StreamStarted and this many events. Frames of earlier subscriptions may still come in
// between.
func (c *racer) expect(ctx context.Context, s *socket, id string, cursor int64, events int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	c.verdict.due += events
	began := false
	for events > 0 {
		f, err := s.read(ctx)
		if err != nil {
			return err
		}
		if f.ID != id {
			continue
		}
		e, err := f.decode()
		if err != nil {
			return err
		}
		if start := e.Kind == "StreamStarted"; start == began {
			c.verdict.object(&c.verdict.starts, "%s, having begun: %t", e.Kind, began)
		}
		began = true
		if e.Kind == "StreamStarted" {
			if seq, err := seqOf(e.Cursor); err != nil || seq != cursor || !e.Resumed {
				c.verdict.object(&c.verdict.starts, "the stream after %d begins at %s, resumed: %t", cursor, e.Cursor, e.Resumed)
			}
		}
		if e.ephemeral() {
			continue
		}
		if e.Seq != cursor+1 {
			c.verdict.object(&c.verdict.gaps, "%s %d after %d", e.Kind, e.Seq, cursor)
		}
		cursor = e.Seq
		events--
		c.verdict.got++
		c.got = append(c.got, e)
	}
	return nil
}
