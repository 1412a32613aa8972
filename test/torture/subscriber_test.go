package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// received is an event with its arrival time and connection.
type received struct {
	event
	at    time.Time
	conn  int  // counted by the subscriber
	asked bool // the connection was opened with a cursor
}

// subscriber follows a chat, or the feed when chat is "", like a good client: when the stream breaks, it resumes from
// its last cursor at another instance.
type subscriber struct {
	w     *world
	user  string
	chat  string
	home  int   // index of its first instance
	after int64 // number of the cursor that it began with; without one, that of its first StreamStarted

	over  carrier
	line  *line // its own way to the server; nil for the usual one
	gate  gate  // passed before each connection and each read
	stock bool  // behaves like a client from npm: some ends of a stream are final for it

	mu       sync.Mutex
	cursor   string
	got      []received       // durable events and resets, StreamStarted, and the first event of each connection
	conn     int              // the current connection
	asked    bool             // it was opened with a cursor
	silent   bool             // nothing has arrived on it
	starts   int              // StreamStarted events
	last     map[string]int64 // by chat: the highest number
	ends     map[string]bool  // by chat: the last event has arrived
	problems []string
	resumes  int
	complete bool   // the server completed the stream
	endedBy  string // the event at which a stock client gave up early

	cancel context.CancelFunc // of the open connection
}

func (w *world) newSubscriber(user, chat, cursor string, after int64, home int) *subscriber {
	return &subscriber{w: w, user: user, chat: chat, home: home, cursor: cursor, after: after, last: map[string]int64{chat: after}, ends: map[string]bool{}}
}

// run follows until the stream completes or ctx ends.
func (s *subscriber) run(ctx context.Context) {
	for at := s.home; ctx.Err() == nil; at++ {
		over := s.follow(ctx, s.w.instances[at%len(s.w.instances)])
		if over || ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.resumes++
		s.mu.Unlock()
		pause(20*time.Millisecond + rand.N(100*time.Millisecond))
	}
}

// follow runs one connection and reports whether the stream is over.
func (s *subscriber) follow(ctx context.Context, i *instance) (over bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.cancel = cancel
	s.mu.Unlock()
	s.gate.pass(ctx)
	stream, err := s.open(ctx, i)
	if err != nil {
		return false
	}
	defer stream.close()
	for {
		s.gate.pass(ctx)
		f, err := stream.read(ctx)
		if err != nil {
			return s.stock && s.stopsAt(err)
		}
		if f.Type == "complete" {
			s.completed()
			return true
		}
		e, err := f.decode()
		if codeOf(err) == "UNAVAILABLE" {
			if s.stock && f.Type == "next" {
				continue // a client shows such a result and continues
			}
			if s.stock {
				s.giveUp("error")
			}
			return s.stock
		}
		if err != nil {
			s.problem(err.Error())
			return true
		}
		s.take(e)
	}
}

// open subscribes from the subscriber's cursor.
func (s *subscriber) open(ctx context.Context, i *instance) (subscription, error) {
	s.mu.Lock()
	cursor := s.cursor
	s.conn++
	s.asked, s.silent = cursor != "", true
	s.mu.Unlock()
	client := s.w.client
	if s.line != nil {
		client = s.line.client
	}
	return s.over.open(ctx, client, i, s.user, s.chat, cursor)
}

// disconnect breaks the open connection like a network fault. The subscriber resumes from its cursor, elsewhere.
func (s *subscriber) disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
	}
}

// stopsAt reports whether graphql-ws gives up after this end of the connection. It reconnects after a broken connection
// and after every HTTP status of Server-Sent Events.
func (s *subscriber) stopsAt(err error) bool {
	code := websocket.CloseStatus(err)
	if !isFatalClose(code) {
		return false
	}
	s.giveUp(fmt.Sprintf("close code %d", code))
	return true
}

// isFatalClose reports whether graphql-ws gives up at this close code (isFatalInternalCloseCode and
// shouldRetryConnectOrThrow in its client).
func isFatalClose(code websocket.StatusCode) bool {
	switch code {
	case 1000, 1001, 1005, 1006, 1012, 1013, 1014:
		return false
	case 4500, 4005, 4400, 4004, 4401, 4406, 4409, 4429:
		return true
	}
	return code >= 1000 && code <= 1999
}

func (s *subscriber) giveUp(reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endedBy = reason
}

func (s *subscriber) problem(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, text)
}

func (s *subscriber) take(e event) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	began := e.Kind == "StreamStarted"
	if began {
		s.starts++
		if seq, err := seqOf(e.Cursor); s.cursor == "" && s.chat != "" && err == nil {
			s.after, s.last[s.chat] = seq, seq
		}
	}
	s.cursor = e.Cursor
	if e.durable() || e.Kind == "StreamReset" || began || s.silent {
		s.got = append(s.got, received{event: e, at: now, conn: s.conn, asked: s.asked})
	}
	s.silent = false
	if e.durable() {
		s.last[e.ChatID] = max(s.last[e.ChatID], e.Seq)
		s.ends[e.ChatID] = s.ends[e.ChatID] || e.ends(s.user)
	}
}

// completed records the end of the stream, which must not precede its beginning.
func (s *subscriber) completed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.complete = true
	if s.stock && !s.ends[s.chat] {
		s.endedBy = "complete"
	}
	if s.silent {
		s.got = append(s.got, received{event: event{Kind: "complete"}, at: time.Now(), conn: s.conn, asked: s.asked})
	}
}

// started returns how often a stream of the subscriber began.
func (s *subscriber) started() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts
}

// reached reports whether the subscriber received this number of the chat, or the last event that it may see.
func (s *subscriber) reached(chat string, seq int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[chat] >= seq || s.ends[chat]
}

// ended reports whether the subscriber received the last event that it may see of its chat, and whether the server then
// completed the stream.
func (s *subscriber) ended() (over, complete bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends[s.chat], s.complete
}

// heard reports whether any event of the chat arrived.
func (s *subscriber) heard(chat string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.got {
		if e.ChatID == chat {
			return true
		}
	}
	return false
}
