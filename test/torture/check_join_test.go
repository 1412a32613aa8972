package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

const (
	guests      = 12 // users who join repeatedly, each a member of all rooms
	joinFurther = 3  // required events of each room beyond those that the query showed
	naiveJoins  = 20
	joinWait    = 15 * time.Second
)

const listJoin = `{ chats(first: 100) { eventCursor nodes { id seq } } }`

// guest is a member of all rooms of the traffic, and follows each for a moment.
type guest struct {
	l    *traffic
	r    *record
	user string
	got  []received // of all rounds
	verdict
}

// newGuests adds users to every room during the traffic.
func (l *traffic) newGuests() []*guest {
	l.r.Helper()
	all := make([]*guest, guests)
	var adding sync.WaitGroup
	for n := range all {
		all[n] = &guest{l: l, r: l.r, user: fmt.Sprintf("guest-%d", n)}
		adding.Go(func() {
			for _, room := range l.rooms {
				l.runWithRetry(l.r.Context(), room, addMember, vars{"chat": room.id, "user": all[n].user}, n, nil)
			}
		})
	}
	adding.Wait()
	return all
}

// share spreads this many rounds over the guests, which run concurrently.
func share(all []*guest, count int, one func(g *guest, n int)) {
	var running sync.WaitGroup
	next := atomic.Int64{}
	for _, g := range all {
		running.Go(func() {
			for n := int(next.Add(1)) - 1; n < count; n = int(next.Add(1)) - 1 {
				one(g, n)
			}
		})
	}
	running.Wait()
}

// sum combines and resets the findings of the guests.
func sum(all []*guest) (v verdict, got []received) {
	for _, g := range all {
		v.add(g.verdict)
		got = append(got, g.got...)
		g.verdict, g.got = verdict{}, nil
	}
	return v, got
}

// feedJoin reads the list of chats and follows the feed from its cursor, while others write and sometimes add the
// reader to a chat in between. Every event that the list did not show must be delivered.
func feedJoin(r *record) {
	r.chats, r.subscribers, r.rate = 4, 12, 60
	r.Fault = fmt.Sprintf("%d times the list of chats and then the feed from its eventCursor, at random instances, over each carrier; in every fourth round a chat is joined in between", r.joins)
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	all := l.newGuests()
	share(all, r.joins, func(g *guest, n int) { g.join(n, false) })
	v, got := sum(all)
	share(all, naiveJoins, func(g *guest, n int) { g.join(n, true) })
	naive, _ := sum(all)
	t := l.judge()
	l.addTo(&v, got, t)
	r.limit(v.clean() && v.due >= r.joins*joinFurther*r.chats, "%d joins: of %d events beyond what was shown %d were missed, %d streams continued with a gap or a reset, %d streams or new chats began wrongly", r.joins, v.due, v.lost, v.gaps+v.resets, v.starts)
	r.limit(naive.lost >= naiveJoins, "control, the feed without a cursor instead: the validator finds %d of %d events missed", naive.lost, naive.due)
}

// addTo completes a verdict with the checks for every stream and adds it to the line.
func (l *traffic) addTo(v *verdict, got []received, t truth) {
	for _, e := range got {
		if e.durable() {
			v.compare(e.event, t)
		}
	}
	v.add(newIdentities().judge(got))
	for _, problem := range v.problems[:min(20, len(v.problems))] {
		l.r.Log(problem)
	}
	r := l.r
	r.Committed, r.Delivered, r.Lost, r.Gaps, r.Resets, r.Duplicates = r.Committed+v.due, r.Delivered+v.got, r.Lost+v.lost, r.Gaps+v.gaps, r.Resets+v.resets, r.Duplicates+v.duplicates
}

// join performs one round. The naive one follows the feed without a cursor.
func (g *guest) join(n int, naive bool) {
	over, at := carrier(n)%carriers, rand.IntN(3)
	ctx, cancel := context.WithTimeout(g.r.Context(), joinWait)
	defer cancel()
	var list struct {
		Chats struct {
			EventCursor string
			Nodes       []struct {
				ID  string
				Seq int64
			}
		}
	}
	if err := post(ctx, g.l.w.client, g.l.w.instances[rand.IntN(3)], g.user, listJoin, nil, &list); err != nil {
		g.object(&g.lost, "%s lists: %v", g.user, err)
		return
	}
	shown, awaited := map[string]int64{}, map[string]int64{}
	for _, chat := range list.Chats.Nodes {
		shown[chat.ID] = chat.Seq
	}
	for _, room := range g.l.rooms {
		awaited[room.id] = shown[room.id] + joinFurther
		if naive {
			g.l.send(ctx, room, rand.IntN(3))
		}
	}
	if n%4 == 0 && !naive {
		chat, seq := g.invited(ctx)
		awaited[chat] = seq
	}
	cursor := list.Chats.EventCursor
	if naive {
		cursor = ""
	}
	got, err := g.read(ctx, over, at, "", cursor, awaited)
	v := judgeJoin(g.user, shown, got)
	v.add(judgeStarts(g.user, got))
	if err != nil {
		v.object(&v.lost, "%s over %s at %d, after %s: %v", g.user, over, at, cursor, err)
	}
	g.add(v)
	g.got = append(g.got, got...)
}

// invited makes the guest a member of a new chat and returns the event's number.
func (g *guest) invited(ctx context.Context) (chat string, seq int64) {
	room := g.l.rooms[rand.IntN(len(g.l.rooms))]
	room.id = db.NewID()
	at := rand.IntN(3)
	var answer sent
	if !g.l.runWithRetry(ctx, room, createChat, vars{"id": room.id, "title": "New"}, at, nil) ||
		!g.l.runWithRetry(ctx, room, addMember, vars{"chat": room.id, "user": g.user}, at, nil) ||
		!g.l.runWithRetry(ctx, room, sendMessage, vars{"chat": room.id, "content": "welcome"}, at, &answer) {
		g.object(&g.lost, "%s could not be invited", g.user)
	}
	return room.id, answer.SendMessage.Message.Seq
}

// read subscribes and reads until each awaited number has been delivered.
func (g *guest) read(ctx context.Context, over carrier, at int, chat, cursor string, awaited map[string]int64) ([]received, error) {
	s, err := over.open(ctx, g.l.w.client, g.l.w.instances[at], g.user, chat, cursor)
	if err != nil {
		return nil, err
	}
	defer s.close()
	var got []received
	for left := len(awaited); left > 0; {
		f, err := s.read(ctx)
		if err != nil {
			return got, fmt.Errorf("%d chats are behind: %w", left, err)
		}
		if f.Type == "complete" {
			return got, errors.New("the stream was completed")
		}
		e, err := f.decode()
		if err != nil {
			return got, err
		}
		if seq, ok := awaited[e.ChatID]; ok && e.Seq >= seq {
			delete(awaited, e.ChatID)
			left--
		}
		got = append(got, received{event: e, at: time.Now(), asked: cursor != ""})
	}
	return got, nil
}
