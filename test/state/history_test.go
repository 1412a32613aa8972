package state

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"studychat/db"
)

// history is what a run saw: what was committed, what was answered, and what came out of caches and streams. Validators
// check it when the run is over (checks_test.go).
type history struct {
	started time.Time
	grace   time.Duration // how long after its answer reads may miss a write

	mu       sync.Mutex
	clock    int64 // rises with every call and return: the order of operations
	chats    map[string]*chatHistory
	order    []string // of the chats' beginning
	reads    []read
	streams  []delivery
	feeds    []*feeder
	counts   map[string]int64 // what feeds came across
	resets   []reset
	excused  []span // times in which stale reads are allowed
	problems []string
	trail    []string // the latest actions
}

// chatHistory is the truth about one chat.
type chatHistory struct {
	events   map[int64]commit
	answered []answer // each number higher than the one before
	head     int64
	floor    int64 // at the end
	deleted  int64 // number of the deletion, 0 before it is known
}

// answer is an answered write.
type answer struct {
	seq int64
	at  time.Time
}

// seenBy is the number that a read which begins now has to see.
func (c *chatHistory) seenBy(at time.Time) int64 {
	n := len(c.answered)
	for n > 0 && c.answered[n-1].at.After(at) {
		n--
	}
	if n == 0 {
		return 0
	}
	return c.answered[n-1].seq
}

// commit is one committed event, and the time between its call and its answer.
type commit struct {
	*db.Event
	call, answer int64 // answer 0: never
}

// read is what one viewer saw of one chat.
type read struct {
	how, chat, viewer string
	call, answer      int64
	atLeast           int64 // what was answered before the call
	began             time.Time
	version           int64 // 0: NOT_FOUND
	shows             string
}

// delivery is one event of a stream.
type delivery struct {
	viewer string
	*db.Event
}

type reset struct {
	chat     string
	from, to db.Cursor
	reason   string
}

type span struct{ from, to time.Time }

func newHistory() *history {
	return &history{started: time.Now(), chats: map[string]*chatHistory{}, counts: map[string]int64{}}
}

func (h *history) problem(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.problems = append(h.problems, fmt.Sprintf(format, args...))
}

// trailLength is how many actions are remembered and shown; of a seed that is played by itself, all.
var trailLength = 60

// note remembers an action, to find out why a seed failed.
func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	line := fmt.Sprintf("%9s %s", time.Since(h.started).Round(100*time.Microsecond), fmt.Sprintf(format, args...))
	if h.trail = append(h.trail, line); len(h.trail) > 2*trailLength {
		h.trail = slices.Clone(h.trail[trailLength:])
	}
}

func (h *history) lastActions() string {
	return strings.Join(h.trail[max(0, len(h.trail)-trailLength):], "\n")
}

func (h *history) chat(id string) *chatHistory {
	c := h.chats[id]
	if c == nil {
		c = &chatHistory{events: map[int64]commit{}}
		h.chats[id] = c
		h.order = append(h.order, id)
	}
	return c
}

// committed records an event that was committed.
func (h *history) committed(event *db.Event, call int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.chat(event.ChatID)
	if c.events[event.Seq].Event == nil {
		c.events[event.Seq] = commit{Event: event, call: call}
		c.head = max(c.head, event.Seq)
		if event.Kind == db.ChatDeleted {
			c.deleted = event.Seq
		}
	}
}

// answered records that the writer of the event got an answer.
func (h *history) answered(event *db.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	c := h.chat(event.ChatID)
	e := c.events[event.Seq]
	e.answer = h.clock
	c.events[event.Seq] = e
	if n := len(c.answered); n == 0 || c.answered[n-1].seq < event.Seq {
		c.answered = append(c.answered, answer{event.Seq, time.Now()})
	}
}

func (h *history) head(chatID string) int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.chat(chatID).head
}

// begin starts a read of a chat: end says what came out.
func (h *history) begin(how, chatID, viewer string) read {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	began := time.Now()
	return read{how: how, chat: chatID, viewer: viewer, call: h.clock, atLeast: h.chat(chatID).seenBy(began.Add(-h.grace)), began: began}
}

func (h *history) end(r read, chat *db.Chat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	r.answer = h.clock
	if chat != nil {
		r.version, r.shows = chat.HeadSeq, shown(chat)
	}
	h.reads = append(h.reads, r)
}

// shown is what a reader sees of a chat.
func shown(chat *db.Chat) string {
	users := make([]string, 0, len(chat.Members))
	for _, m := range chat.Members {
		users = append(users, m.UserID)
	}
	slices.Sort(users)
	return fmt.Sprint(chat.Title, users)
}

func (h *history) delivered(viewer string, event *db.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams = append(h.streams, delivery{viewer, event})
}

func (h *history) follows(f *feeder) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.feeds = append(h.feeds, f)
}

func (h *history) count(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.counts[what]++
}

// heads are the known heads of all chats.
func (h *history) heads() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	heads := map[string]int64{}
	for id, c := range h.chats {
		heads[id] = c.head
	}
	return heads
}

func (h *history) wasReset(r reset) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resets = append(h.resets, r)
}

// excuse allows stale reads that begin in the span, in which the promise does not hold.
func (h *history) excuse(from, to time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.excused = append(h.excused, span{from, to})
}

func (h *history) isExcused(at time.Time) bool {
	return slices.ContainsFunc(h.excused, func(s span) bool { return !at.Before(s.from) && !at.After(s.to) })
}

// state is a chat after one of its events.
type state struct {
	title   string
	members map[string]bool
	deleted bool
}

func (s state) has(user string) bool { return s.members[user] && !s.deleted }

func (s state) shown() string {
	users := make([]string, 0, len(s.members))
	for user := range s.members {
		users = append(users, user)
	}
	slices.Sort(users)
	return fmt.Sprint(s.title, users)
}

// states plays the chat's events: the state after number n is at n, that before the first at 0.
func (c *chatHistory) states() ([]state, error) {
	all := []state{{members: map[string]bool{}}}
	for seq := int64(1); seq <= c.head; seq++ {
		event := c.events[seq].Event
		if event == nil {
			return nil, fmt.Errorf("nothing is known of number %d of %d", seq, c.head)
		}
		all = append(all, all[seq-1].after(event))
	}
	return all, nil
}

func (s state) after(event *db.Event) state {
	change := func(user string, in bool) {
		members := map[string]bool{}
		for u := range s.members {
			members[u] = true
		}
		if members[user] = in; !in {
			delete(members, user)
		}
		s.members = members
	}
	switch event.Kind {
	case db.ChatCreated:
		s.title = event.Title
		change(event.Actor, true)
	case db.ChatRenamed:
		s.title = event.Title
	case db.ChatDeleted:
		s.deleted = true
	case db.MemberAdded:
		change(event.Member.UserID, true)
	case db.MemberRemoved:
		change(event.Member.UserID, false)
	}
	return s
}
