package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

const (
	writers     = 12
	feeds       = 4
	chatsOfFeed = 3
	awaitDrain  = 20 * time.Second
)

// room is a chat of the traffic.
type room struct {
	id     string
	owner  string
	cursor string // where the subscribers begin
	seq    int64  // its number

	gone *atomic.Bool // deleted or about to be: no more writes
}

// traffic is the steady load of a check: subscribers, and writers that retry until each write is answered.
type traffic struct {
	w     *world
	r     *record
	rooms []room

	subscribers []*subscriber
	feeds       []*subscriber
	shown       []room // further rooms that every feed shows

	sentAt sync.Map // time.Time by message id: before the first request of its sending
	count  atomic.Int64
	began  time.Time

	mu       sync.Mutex
	answers  []answered
	problems []string
	retries  int

	bulky     bool // messages of 1 to 4 KB
	forgetful bool // every second writer abandons a write whose outcome is unknown

	stopWriting context.CancelFunc
	writing     sync.WaitGroup
	following   context.Context
	stopReading context.CancelFunc
	reading     sync.WaitGroup
}

// member returns a user that may see the room and follows it.
func member(room, n int) string { return fmt.Sprintf("member-%d-%d", room, n) }

// newTraffic creates the chats with their members and the subscribers.
func (w *world) newTraffic(r *record) *traffic {
	r.Helper()
	l := &traffic{w: w, r: r, rooms: make([]room, r.chats), stopWriting: func() {}, stopReading: func() {}}
	var setUp sync.WaitGroup
	failures := make([]error, len(l.rooms))
	for n := range l.rooms {
		setUp.Go(func() { l.rooms[n], failures[n] = l.furnish(n, r.subscribers/r.chats) })
	}
	setUp.Wait()
	r.must(errors.Join(failures...))
	for k := range r.subscribers {
		n := k % r.chats
		room := l.rooms[n]
		l.subscribers = append(l.subscribers, w.newSubscriber(member(n, k/r.chats), room.id, room.cursor, room.seq, k))
	}
	l.addFeeds(feeds)
	r.Cleanup(l.stop)
	return l
}

// addFeeds adds feeds; some users have several.
func (l *traffic) addFeeds(n int) {
	for range n {
		k := len(l.feeds)
		l.feeds = append(l.feeds, l.w.newSubscriber(feeder(k%feeds), "", "", 0, k))
	}
	l.r.Load = fmt.Sprintf("%d subscribers, %d feeds", l.r.subscribers, len(l.feeds))
}

// everyCarrier spreads the subscribers and feeds over the carriers.
func (l *traffic) everyCarrier() {
	for _, all := range [][]*subscriber{l.subscribers, l.feeds} {
		for k, s := range all {
			s.over = carrier(k/len(l.w.instances)) % carriers
		}
	}
}

func feeder(k int) string { return fmt.Sprintf("feeder-%d", k) }

// feedsOf returns the users whose feed shows the room.
func (l *traffic) feedsOf(n int) (users []string) {
	for k := range feeds {
		if slices.Contains(l.feedRooms(k), n) {
			users = append(users, feeder(k))
		}
	}
	return users
}

func (l *traffic) feedRooms(k int) (rooms []int) {
	for n := range chatsOfFeed {
		rooms = append(rooms, (k%feeds*2+n)%len(l.rooms))
	}
	return rooms
}

// feedChats returns the chats that a feed shows.
func (l *traffic) feedChats(k int) (chats []string) {
	for _, n := range l.feedRooms(k) {
		chats = append(chats, l.rooms[n].id)
	}
	for _, room := range l.shown {
		chats = append(chats, room.id)
	}
	return chats
}

// furnish creates a chat and its members.
func (l *traffic) furnish(n, members int) (room, error) {
	room := room{id: db.NewID(), owner: fmt.Sprintf("owner-%d", n), gone: new(atomic.Bool)}
	ctx, i := l.r.Context(), l.w.instances[n%len(l.w.instances)]
	err := post(ctx, l.w.client, i, room.owner, createChat, vars{"id": room.id, "title": "Torture"}, nil)
	users := l.feedsOf(n)
	for k := range members {
		users = append(users, member(n, k))
	}
	for _, user := range users {
		var added struct {
			AddMember struct{ Chat struct{ EventCursor string } }
		}
		if err == nil {
			err = post(ctx, l.w.client, i, room.owner, addMember, vars{"chat": room.id, "user": user}, &added)
		}
		room.cursor = added.AddMember.Chat.EventCursor
	}
	if err == nil {
		room.seq, err = seqOf(room.cursor)
	}
	if err != nil {
		err = fmt.Errorf("set up a chat: %w", err)
	}
	return room, err
}

// sideRoom creates a further room, followed over each carrier, that the steady load does not write to.
func (l *traffic) sideRoom() room {
	l.r.Helper()
	n := len(l.rooms) + len(l.shown)
	room, err := l.furnish(n, int(carriers))
	l.r.must(err)
	for over := range carriers {
		s := l.w.newSubscriber(member(n, int(over)), room.id, room.cursor, room.seq, int(over))
		s.over = over
		l.subscribers = append(l.subscribers, s)
		l.follow(s)
	}
	return room
}

// show adds the users of the feeds to a side room and waits until their feeds show it.
func (l *traffic) show(room room) {
	l.r.Helper()
	l.shown = append(l.shown, room)
	for k := range feeds {
		l.w.must(room.owner, addMember, vars{"chat": room.id, "user": feeder(k)}, nil)
	}
	t := l.w.truth()
	if _, ok := until(15*time.Second, func() bool {
		return !slices.ContainsFunc(l.feeds, func(s *subscriber) bool { return !s.reached(room.id, t.head(room.id)) })
	}); !ok {
		l.r.Fatal("not every feed shows a new chat after 15 s")
	}
}

// start starts the subscribers, waits until all have begun, and starts the writers.
func (l *traffic) start() {
	l.r.Helper()
	l.following, l.stopReading = context.WithCancel(context.Background())
	for _, s := range slices.Concat(l.subscribers, l.feeds) {
		l.follow(s)
	}
	// A feed without a cursor begins at an unknown moment: write until it has shown something of each of its chats.
	if _, ok := until(15*time.Second, func() bool {
		for _, room := range l.rooms {
			l.send(l.following, room, 0)
		}
		return l.everybodyHears()
	}); !ok {
		l.stop()
		for _, s := range slices.Concat(l.subscribers, l.feeds) {
			l.problems = append(l.problems, s.problems...)
		}
		l.r.Fatalf("not everybody follows after 15 s: %v", l.problems[:min(3, len(l.problems))])
	}
	writing, stopWriting := context.WithCancel(context.Background())
	l.stopWriting = stopWriting
	l.began = time.Now()
	l.count.Store(0)
	for range writers {
		l.writing.Go(func() { l.write(writing) })
	}
}

// follow starts a subscriber.
func (l *traffic) follow(s *subscriber) { l.reading.Go(func() { s.run(l.following) }) }

func (l *traffic) everybodyHears() bool {
	for _, s := range l.subscribers {
		if !s.heard(s.chat) {
			return false
		}
	}
	for k, s := range l.feeds {
		for _, n := range l.feedRooms(k) {
			if !s.heard(l.rooms[n].id) {
				return false
			}
		}
	}
	return true
}

// write sends at the pace until ctx ends. It still completes the message in flight.
func (l *traffic) write(ctx context.Context) {
	pace := time.NewTicker(time.Second * writers / time.Duration(l.r.rate))
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
			room := l.rooms[rand.IntN(len(l.rooms))]
			if room.gone.Load() {
				continue
			}
			id, ok := l.send(context.WithoutCancel(ctx), room, rand.IntN(3))
			l.count.Add(1)
			if ok && rand.IntN(20) == 0 {
				l.runWithRetry(context.WithoutCancel(ctx), room, editMessage, vars{"id": id, "content": "edited " + id}, rand.IntN(3), nil)
				l.count.Add(1)
			}
		}
	}
}

// send writes one message, first at the given instance.
func (l *traffic) send(ctx context.Context, room room, at int) (id string, ok bool) {
	id = db.NewID()
	l.sentAt.Store(id, time.Now())
	content := "content of " + id
	if l.bulky {
		content += strings.Repeat(".", 1000+rand.IntN(3000))
	}
	var answer sent
	if !l.runWithRetry(ctx, room, sendMessage, vars{"id": id, "chat": room.id, "content": content}, at, &answer) {
		return id, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, answered{room.id, id, answer.SendMessage.Message.Seq})
	return id, true
}

// runWithRetry runs an operation of a room's owner at one instance after the other until it is answered. The operation
// must be safe to repeat.
func (l *traffic) runWithRetry(ctx context.Context, room room, document string, v vars, at int, data any) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	givesUp := l.forgetful && rand.IntN(2) == 0
	for ; ; at++ {
		err := post(ctx, l.w.client, l.w.instances[at%len(l.w.instances)], room.owner, document, v, data)
		code := codeOf(err)
		switch {
		case err == nil:
			return true
		case code == "NOT_FOUND" && room.gone.Load():
			return false
		case code != "" && code != "UNAVAILABLE", ctx.Err() != nil:
			l.problem(fmt.Sprintf("%v: %v", v, err))
			return false
		case givesUp:
			return false
		}
		l.mu.Lock()
		l.retries++
		l.mu.Unlock()
		pause(20 * time.Millisecond)
	}
}

func (l *traffic) problem(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.problems = append(l.problems, text)
}

// quiet stops the writers and waits until every subscriber has received everything or will not.
func (l *traffic) quiet() truth {
	l.r.Helper()
	l.stopWriting()
	l.writing.Wait()
	took := time.Since(l.began)
	l.r.Load += fmt.Sprintf(", %.0f events/s", float64(l.count.Load())/took.Seconds())
	t := l.w.truth()
	until(awaitDrain, func() bool {
		return !slices.ContainsFunc(l.subscribers, func(s *subscriber) bool { return !s.reached(s.chat, t.head(s.chat)) }) && l.feedsDone(t)
	})
	return t
}

func (l *traffic) feedsDone(t truth) bool {
	for k, s := range l.feeds {
		if slices.ContainsFunc(l.feedChats(k), func(chat string) bool { return !s.reached(chat, t.head(chat)) }) {
			return false
		}
	}
	return true
}

// stop ends the traffic.
func (l *traffic) stop() {
	l.stopWriting()
	l.writing.Wait()
	l.stopReading()
	l.reading.Wait()
}
