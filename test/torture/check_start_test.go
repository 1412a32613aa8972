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

const naiveCuts = 18

// startCut disconnects streams after their first bytes, before any event, and resumes them at another instance from the
// cursor in those bytes. Everything committed meanwhile must be delivered.
func startCut(r *record) {
	r.chats, r.subscribers, r.rate = 4, 12, 60
	r.Fault = fmt.Sprintf("%d streams of chats and feeds, over each carrier, disconnected after their first bytes and resumed at another instance; 3 events of the check meanwhile, and those of others", r.cuts)
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	all := l.newGuests()
	share(all, r.cuts, func(g *guest, n int) { g.cut(n, false) })
	v, got := sum(all)
	share(all, naiveCuts, func(g *guest, n int) { g.cut(n, true) })
	naive, _ := sum(all)
	t := l.judge()
	l.addTo(&v, got, t)
	r.limit(v.clean() && v.due >= 3*r.cuts, "%d streams disconnected at their start: of %d later events %d were lost, %d were doubled or out of order", r.cuts, v.due, v.lost, v.duplicates+v.gaps)
	r.limit(naive.lost >= naiveCuts, "control, resumed without a cursor: the validator finds %d of %d events lost", naive.lost, naive.due)
}

// cut performs one round with a chat or the feed. The naive one resumes without a cursor.
func (g *guest) cut(n int, naive bool) {
	ctx, cancel := context.WithTimeout(g.r.Context(), joinWait)
	defer cancel()
	over, room, at := carrier(n)%carriers, g.l.rooms[rand.IntN(len(g.l.rooms))], rand.IntN(3)
	chat := room.id
	if n/int(carriers)%2 == 0 {
		chat = ""
	}
	cursor, err := g.firstBytes(ctx, over, at, chat)
	if err != nil {
		g.object(&g.lost, "%s over %s: %v", g.user, over, err)
		return
	}
	sent := g.meanwhile(ctx, room)
	if naive {
		cursor = ""
	}
	awaited := map[string]int64{room.id: sent[len(sent)-1]}
	if naive { // until an event arrives that was sent after it
		awaited[room.id]++
	}
	got, err := g.read(ctx, over, (at+1+rand.IntN(2))%3, chat, cursor, awaited)
	v := judgeCut(g.user, room.id, cursor, chat != "", sent, got)
	v.add(judgeStarts(g.user, got))
	if err != nil {
		v.object(&v.lost, "%s over %s, after %q: %v", g.user, over, cursor, err)
	}
	g.add(v)
	g.got = append(g.got, got...)
}

// firstBytes opens a stream, reads its first cursor and disconnects. Over Server-Sent Events that cursor is the id
// before any event, else it is StreamStarted's.
func (g *guest) firstBytes(ctx context.Context, over carrier, at int, chat string) (string, error) {
	s, err := over.open(ctx, g.l.w.client, g.l.w.instances[at], g.user, chat, "")
	if err != nil {
		return "", err
	}
	defer s.close()
	if events, ok := s.(*eventStream); ok {
		return events.start()
	}
	f, err := s.read(ctx)
	if err != nil {
		return "", err
	}
	e, err := f.decode()
	if err == nil && (e.Kind != "StreamStarted" || e.Resumed) {
		err = fmt.Errorf("the stream begins with %s, resumed: %t", e.Kind, e.Resumed)
	}
	return e.Cursor, err
}

// meanwhile sends three messages and returns their numbers.
func (g *guest) meanwhile(ctx context.Context, room room) []int64 {
	seqs := make([]int64, 3)
	for n := range seqs {
		var answer sent
		if !g.l.runWithRetry(ctx, room, sendMessage, vars{"chat": room.id, "content": "meanwhile"}, rand.IntN(3), &answer) {
			g.object(&g.lost, "nothing was sent meanwhile")
		}
		seqs[n] = answer.SendMessage.Message.Seq
	}
	return seqs
}

// judgeCut compares a resumed stream with what was sent after its start. A chat's stream must continue right after its
// cursor, without a gap; both kinds must deliver everything.
func judgeCut(user, chat, cursor string, one bool, sent []int64, got []received) verdict {
	var v verdict
	seen := map[int64]bool{}
	at := int64(-1)
	if one && cursor != "" {
		at, _ = seqOf(cursor)
	}
	for _, e := range got {
		switch {
		case e.ephemeral():
			if one {
				v.startsAt(user, e, at)
			}
			continue
		case e.Kind == "StreamReset":
			v.object(&v.resets, "%s: reset %s", user, e.Reason)
			continue
		case one && e.ChatID != chat:
			v.object(&v.foreign, "%s in %s: event %d of %s", user, chat, e.Seq, e.ChatID)
			continue
		case one && e.Seq <= at:
			v.object(&v.duplicates, "%s in %s: event %d after %d", user, chat, e.Seq, at)
		case one && at >= 0 && e.Seq != at+1:
			v.object(&v.gaps, "%s in %s: event %d after %d", user, chat, e.Seq, at)
		}
		if one {
			at = e.Seq
		}
		if e.ChatID == chat {
			seen[e.Seq] = true
		}
	}
	for _, seq := range sent {
		v.due++
		if seen[seq] {
			v.got++
		} else {
			v.object(&v.lost, "%s in %s: event %d, sent after the disconnect at %q, was not delivered", user, chat, seq, cursor)
		}
	}
	return v
}

const (
	killedChats = 3
	killedSends = 5
)

// startKill kills the instance of streams that have started and delivered nothing, and commits events before they
// reconnect. The streams must resume elsewhere and deliver every event.
func startKill(r *record) {
	w := newWorld(r, setting{})
	l := &traffic{w: w, r: r, stopWriting: func() {}, stopReading: func() {}}
	r.Cleanup(l.stop)
	r.Fault = fmt.Sprintf("SIGKILL of each of the three servers in turn, with started streams that have delivered nothing; %d events in each chat before they reconnect", killedSends)
	var v verdict
	streams := 0
	for n, victim := range w.instances {
		l.furnishFor(n)
		all := w.beginners(n, l.rooms)
		streams += len(all)
		l.subscribers = append(l.subscribers, all...)
		ctx, stop := context.WithCancel(r.Context())
		var following sync.WaitGroup
		for _, s := range all {
			following.Go(func() { s.run(ctx) })
		}
		if _, ok := until(15*time.Second, func() bool { return everyStream(all, func(s *subscriber) bool { return s.started() > 0 }) }); !ok {
			r.Error("not every stream has begun after 15 s")
		}
		victim.kill()
		for range killedSends {
			for _, room := range l.rooms {
				l.send(ctx, room, n+1)
			}
		}
		until(awaitDrain, func() bool {
			return everyStream(all, func(s *subscriber) bool { return s.hasAll(l.rooms) })
		})
		stop()
		following.Wait()
		v.add(l.judgeBeginners(all))
		victim.start()
	}
	r.Load = fmt.Sprintf("%d streams of chats and feeds, over each carrier", streams)
	r.Committed, r.Delivered, r.Lost, r.Duplicates, r.Gaps, r.Resets = v.due, v.got, v.lost, v.duplicates, v.gaps, v.resets
	for _, problem := range v.problems {
		r.Log(problem)
	}
	r.limit(v.clean() && v.due >= streams*killedSends, "%d deliveries due, %d lost, %d doubled, %d out of order, %d resets, %d streams that began wrongly", v.due, v.lost, v.duplicates, v.gaps, v.resets, v.starts)
	l.reportProblems()
}

// furnishFor creates new rooms for the streams at an instance.
func (l *traffic) furnishFor(at int) {
	l.r.Helper()
	l.rooms = nil
	for n := range killedChats {
		room := room{id: db.NewID(), owner: fmt.Sprintf("owner-%d", n), gone: new(atomic.Bool)}
		l.r.must(post(l.r.Context(), l.w.client, l.w.instances[0], room.owner, createChat, vars{"id": room.id, "title": "Torture"}, nil))
		for over := range carriers {
			var added struct {
				AddMember struct{ Chat struct{ EventCursor string } }
			}
			l.r.must(post(l.r.Context(), l.w.client, l.w.instances[0], room.owner, addMember, vars{"chat": room.id, "user": beginner(at, over)}, &added))
			var err error
			room.seq, err = seqOf(added.AddMember.Chat.EventCursor)
			l.r.must(err)
		}
		l.rooms = append(l.rooms, room)
	}
}

func beginner(at int, over carrier) string { return fmt.Sprintf("beginner-%d-%d", at, over) }

// beginners returns subscribers of each room and of the feed, without a cursor, over each carrier.
func (w *world) beginners(at int, rooms []room) (all []*subscriber) {
	for over := range carriers {
		chats := []string{""}
		for _, room := range rooms {
			chats = append(chats, room.id)
		}
		for _, chat := range chats {
			s := w.newSubscriber(beginner(at, over), chat, "", 0, at)
			s.over = over
			all = append(all, s)
		}
	}
	return all
}

func everyStream(all []*subscriber, done func(s *subscriber) bool) bool {
	for _, s := range all {
		if !done(s) {
			return false
		}
	}
	return true
}

// hasAll reports whether the subscriber received everything sent to the rooms that it follows.
func (s *subscriber) hasAll(rooms []room) bool {
	for _, room := range rooms {
		if (s.chat == "" || s.chat == room.id) && !s.reached(room.id, room.seq+killedSends) {
			return false
		}
	}
	return true
}

// judgeBeginners relies on where each stream began: nothing was committed before the instance was killed.
func (l *traffic) judgeBeginners(all []*subscriber) verdict {
	var v verdict
	t := l.w.truth()
	shown := map[string]int64{}
	for _, room := range l.rooms {
		shown[room.id] = room.seq
	}
	for _, s := range all {
		v.add(judgeStarts(s.user, s.got))
		v.add(newIdentities().judge(s.got))
		if s.conn < 2 {
			v.object(&v.starts, "%s in %q was not disconnected", s.user, s.chat)
		}
		if s.chat != "" {
			if s.after != shown[s.chat] {
				v.object(&v.starts, "%s in %s began after %d, but the chat's head was %d", s.user, s.chat, s.after, shown[s.chat])
			}
			v.add(judgeStream(s.user, s.chat, s.after, s.got, t))
			continue
		}
		v.add(judgeFeedAfter(s.user, shown, s.got, t))
	}
	return v
}

// judgeFeedAfter is judgeJoin for a feed that must deliver everything up to the heads.
func judgeFeedAfter(user string, shown map[string]int64, got []received, t truth) verdict {
	v := judgeJoin(user, shown, got)
	last := map[string]int64{}
	for _, e := range got {
		last[e.ChatID] = max(last[e.ChatID], e.Seq)
		if e.durable() {
			v.compare(e.event, t)
		}
	}
	for chat, seq := range shown {
		for missing := max(seq, last[chat]) + 1; missing <= t.head(chat); missing++ {
			v.due++
			v.object(&v.lost, "feed of %s: event %d of %s was not delivered", user, missing, chat)
		}
	}
	return v
}
