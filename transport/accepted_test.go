package transport

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"studychat/db"
)

// farRepository is a database that is far away: the place of a stream takes its time.
type farRepository struct {
	db.Repository

	away time.Duration
}

func far(away time.Duration) func(db.Repository) db.Repository {
	return func(repo db.Repository) db.Repository { return farRepository{repo, away} }
}

func (r farRepository) Head(ctx context.Context, viewer, chatID string) (db.Head, error) {
	if !sleep(ctx, r.away) {
		return db.Head{}, ctx.Err()
	}
	return r.Repository.Head(ctx, viewer, chatID)
}

func (r farRepository) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	if !sleep(ctx, r.away) {
		return nil, ctx.Err()
	}
	return r.Repository.FeedHeads(ctx, viewer, since)
}

// A carrier begins a subscription from now, and returns when its client sees what it can take for the acceptance. gets reads
// on until an event holds the text, or it is clear that none will.
type carrier struct {
	name   string
	accept func(w *world, document string, variables map[string]any) (gets func(text string) bool)
}

// socketCarrier is a WebSocket that takes an answer to what it sends after the subscription.
func socketCarrier(name string, accepted func(s *client)) carrier {
	return carrier{name, func(w *world, document string, variables map[string]any) func(string) bool {
		s := w.join("ann")
		s.subscribe("1", document, variables)
		accepted(s)
		return s.gets
	}}
}

// gets reads on, for a while.
func (c *client) gets(text string) bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	for {
		_, raw, err := c.conn.Read(ctx)
		if err != nil {
			return false
		}
		if bytes.Contains(raw, []byte(text)) {
			return true
		}
	}
}

func streamGets(stream *http.Response) func(text string) bool {
	return func(text string) bool {
		late := time.AfterFunc(5*time.Second, func() { _ = stream.Body.Close() })
		defer late.Stop()
		found := false
		_ = readSSE(stream.Body, func(e sse) bool {
			found = found || strings.Contains(e.data, text)
			return !found
		})
		return found
	}
}

func carriers() []carrier {
	return []carrier{
		socketCarrier("WebSocket, StreamStarted", func(s *client) { s.gets("StreamStarted") }),
		socketCarrier("WebSocket, a pong", func(s *client) {
			s.send(`{"type":"ping"}`)
			s.gets(`"pong"`)
		}),
		{"WebSocket, a pong of its own", func(w *world, document string, variables map[string]any) func(string) bool {
			s := w.join("ann")
			s.subscribe("1", document, variables)
			found := make(chan string, 10)
			go func() { // a pong is seen only while somebody reads
				for _, raw, err := s.conn.Read(w.t.Context()); err == nil; _, raw, err = s.conn.Read(w.t.Context()) {
					found <- string(raw)
				}
			}()
			if err := s.conn.Ping(w.t.Context()); err != nil { // RFC 6455, 5.5.2
				w.t.Error(err)
			}
			return func(text string) bool {
				for late := time.After(5 * time.Second); ; {
					select {
					case raw := <-found:
						if strings.Contains(raw, text) {
							_ = s.conn.CloseNow()
							return true
						}
					case <-late:
						_ = s.conn.CloseNow()
						return false
					}
				}
			}
		}},
		socketCarrier("WebSocket, the answer to a query", func(s *client) {
			s.subscribe("2", `{ __typename }`, nil)
			s.gets(`"Query"`)
		}),
		socketCarrier("WebSocket, a refusal", func(s *client) {
			s.subscribe("2", `{ nothing }`, nil)
			s.gets(`"error"`)
		}),
		{"event stream by POST, the head", func(w *world, document string, variables map[string]any) func(string) bool {
			return streamGets(w.open(w.request(http.MethodPost, "/graphql", query(document, variables), "Accept", mediaEvents)))
		}},
		{"EventSource, the head", func(w *world, document string, variables map[string]any) func(string) bool {
			u := url.Values{"query": {document}, "variables": {string(encode(variables))}}
			return streamGets(w.open(w.request(http.MethodGet, "/graphql/stream?"+u.Encode(), "", "Accept", mediaEvents)))
		}},
		{"single connection, 202", func(w *world, document string, variables map[string]any) func(string) bool {
			token := w.reserve()
			stream := w.openReserved(token)
			if status := w.operate(token, withID("1", document, variables)); status != http.StatusAccepted {
				w.t.Errorf("status %d", status)
			}
			return streamGets(stream)
		}},
	}
}

const (
	followNow = `subscription ($chat: ID!) { chatEvents(chatId: $chat) { __typename ... on MessageSent { message { content } } } }`
	feedNow   = `subscription { chatEvents { __typename ... on MessageSent { message { content } } } }`
)

// TestAcceptedIsActive sends a message the moment after a client sees what it can take for the acceptance of its
// subscription: the message comes.
func TestAcceptedIsActive(t *testing.T) {
	t.Parallel()
	for _, c := range carriers() {
		for _, away := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond} {
			for _, document := range []string{followNow, feedNow} {
				overRepository(t, far(away), nil, func(w *world) {
					chat := w.chat()
					variables := map[string]any{}
					if document == followNow {
						variables["chat"] = chat
					}
					<-time.After(2 * db.FeedOverlap) // what is older is not told again
					gets := c.accept(w, document, variables)
					w.say(chat, "after the acceptance")
					if !gets("after the acceptance") {
						w.t.Errorf("%s, %s away: the message did not come", c.name, away)
					}
				})
			}
		}
	}
}

// TestAcceptedIsActiveSees is the negative control: a client that does not wait for an acceptance misses the message.
func TestAcceptedIsActiveSees(t *testing.T) {
	t.Parallel()
	overRepository(t, far(20*time.Millisecond), nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		s.subscribe("1", followNow, map[string]any{"chat": chat})
		w.say(chat, "too early")
		if s.gets("too early") {
			w.t.Error("the message came: the tests of acceptance are blind")
		}
	})
}

// TestPongsWaitNotForEver: a database that does not answer is no reason for a client to give its socket up. Where other
// operations would be cut with it, the pong comes all the same; else the client is told to come back. The reader goes on
// meanwhile.
func TestPongsWaitNotForEver(t *testing.T) {
	t.Parallel()
	overRepository(t, far(time.Minute), nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		s.subscribe("goes on", followChat, map[string]any{"chat": chat, "after": place(chat, 2)}) // a cursor is a place
		s.send(`{"type":"ping"}`)
		began := time.Now()
		if m := s.read(); m["type"] != "pong" || time.Since(began) != 0 {
			w.t.Errorf("with a cursor: got %v after %s", m, time.Since(began))
		}
		s.subscribe("now", followNow, map[string]any{"chat": chat})
		for n := range 2 * waitingPongs {
			s.send(`{"type":"ping","payload":{"n":` + strconv.Itoa(n) + `}}`)
			if took := time.Since(began); n < waitingPongs && took > 0 {
				w.t.Errorf("the reader took ping %d after %s", n, took)
			}
		}
		s.send(`{"type":"ping"}`)
		for range 2*waitingPongs + 1 {
			if m := s.read(); m["type"] != "pong" || time.Since(began) != placeTimeout {
				w.t.Errorf("got %v after %s", m, time.Since(began))
			}
		}
		s.send(`{"type":"complete","id":"goes on"}`)
		s.send(`{"type":"ping"}`)
		if code, _, before := s.closed(); code != closeTryAgain || len(before) > 0 || time.Since(began) != placeTimeout {
			w.t.Errorf("nothing else on the socket: %v, then %d after %s", before, code, time.Since(began))
		}
	})
}

// TestAnswersWaitNotForEver: what can be answered without the database is.
func TestAnswersWaitNotForEver(t *testing.T) {
	t.Parallel()
	overRepository(t, far(time.Minute), nil, func(w *world) {
		s := w.join("ann")
		began := time.Now()
		s.subscribe("1", feedNow, nil)
		s.subscribe("2", `{ __typename }`, nil)
		if m := s.read(); m["type"] != "next" || m["id"] != "2" || time.Since(began) != placeTimeout {
			w.t.Errorf("got %v after %s", m, time.Since(began))
		}
	})
}
