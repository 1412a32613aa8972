package transport

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"studychat/transport/wire"
)

// TestAnswerThatNobodyReads: the connection of a client that does not read its answer is closed in time.
func TestAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	page := func(o *Options) {
		o.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	}
	for _, c := range []struct{ reason, request string }{
		{"a page", "GET /playground"},
		{"a probe", "GET /livez"},
		{"a refusal", "PATCH /graphql"},
		{"an answer", "GET /graphql?query=%7B__typename%7D"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, page, func(w *world) {
				conn, err := w.listener.dial(w.t.Context(), "", "") // a pipe: nothing is buffered on the way
				if err != nil {
					w.t.Fatal(err)
				}
				defer conn.Close()
				_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ann\r\n\r\n", c.request)
				<-time.After(answerTimeout + time.Second)
				if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
					w.t.Error("the server is still waiting to write")
				}
			})
		})
	}
}

// TestEndThatTrickles: when a stream has ended its client gets no more time to read than before: one that takes a few bytes now and
// then, each in time, would hold what is left for minutes.
func TestEndThatTrickles(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		conn, err := w.listener.dial(w.t.Context(), "", "")
		if err != nil {
			w.t.Fatal(err)
		}
		defer conn.Close()
		read := func(n int) error {
			_, err := conn.Read(make([]byte, n))
			return err
		}
		body := query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		_, _ = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ann\r\nAccept: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", mediaEvents, len(body), body)
		if err := read(4 << 10); err != nil {
			w.t.Fatal(err)
		}
		for n := range 50 { // fits the outbox
			w.say(chat, strings.Repeat("x", 900)+fmt.Sprint(n))
		}
		if _, err := w.repo.DeleteChat(w.t.Context(), "ann", chat); err != nil {
			w.t.Fatal(err)
		}
		for ended := time.Now(); read(400) == nil; <-time.After(2 * time.Second) {
			if took := time.Since(ended); took > 3*writeTimeout {
				w.t.Fatalf("%s after its end the stream still waits for its reader", took)
			}
		}
	})
}

// TestStalledReaderSeesWhy stalls until the server has given the reader up, and reads on some time later. It gets the frame that
// was half written, and the code that tells it to come back; if it takes too long it is cut. It goes on from its last cursor
// without a gap in either case.
func TestStalledReaderSeesWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		later  time.Duration // than it is given up
		events int           // that wait; the outbox takes 64
		pings  int           // of WebSocket's own, which it sends meanwhile
		code   int
	}{
		{"at once", time.Millisecond, 100, 0, closeTryAgain},
		{"in time", closeTimeout - time.Second, 100, 0, closeTryAgain},
		{"in time, and it has always sent pings", closeTimeout - time.Second, 40, 5, closeTryAgain},
		{"too late", closeTimeout + time.Second, 100, 0, -1},
	} {
		inVirtualTime(t, nil, func(w *world) {
			chat := w.chat()
			s := w.join("ann")
			s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
			began := time.Now()
			for n := range c.events {
				w.say(chat, strings.Repeat("x", 1000)+fmt.Sprint(n))
			}
			for range c.pings {
				go func() { _ = s.conn.Ping(w.t.Context()) }()
				<-time.After(time.Second)
			}
			<-time.After(time.Until(began.Add(writeTimeout + c.later)))
			last := int64(2)
			for {
				_, raw, err := s.conn.Read(w.t.Context())
				if err != nil {
					if code := closeStatus(err); code != c.code {
						w.t.Errorf("%s: ended with %v", c.reason, err)
					}
					break
				}
				if cursor := cursorIn(raw); cursor != "" {
					last++
				}
			}
			if took := time.Since(began); took > writeTimeout+closeTimeout+time.Second+time.Millisecond {
				w.t.Errorf("%s: took %s", c.reason, took)
			}
			if last > 2+wire.OutboxFrames {
				w.t.Errorf("%s: got %d events after it was given up", c.reason, last-2)
			}
			w.goesOn(chat, last)
		})
	}
}

// cursorIn is the cursor of a durable event, or "".
func cursorIn(message []byte) string {
	if !bytes.Contains(message, []byte("MessageSent")) {
		return ""
	}
	_, after, _ := strings.Cut(string(message), `"cursor":"`)
	cursor, _, _ := strings.Cut(after, `"`)
	return cursor
}

// goesOn resumes the stream of a chat after the number, and wants the next event first.
func (w *world) goesOn(chat string, last int64) {
	w.t.Helper()
	w.say(chat, "one more") // the reader may have got everything
	s := w.join("ann")
	defer func() { _ = s.conn.CloseNow() }()
	s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, last)})
	for {
		_, raw, err := s.conn.Read(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if cursor := cursorIn(raw); cursor != "" {
			if cursor != place(chat, last+1) {
				w.t.Errorf("went on with %s after %d", cursor, last)
			}
			return
		}
	}
}
