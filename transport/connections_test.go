package transport

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"studychat/db"
	"studychat/transport/connections"
	"studychat/transport/wire"
)

const snapshotPath = "/debug/connections/snapshot"

// look asks for a snapshot as an administrator.
func (w *world) look(parameters string) (s connections.Snapshot) {
	w.t.Helper()
	response, body := w.do(w.request(http.MethodGet, snapshotPath+parameters, "", "Authorization", "Bearer root+admin"))
	if err := json.Unmarshal([]byte(body), &s); err != nil || response.StatusCode != http.StatusOK || response.Header.Get("Cache-Control") != "no-store" {
		w.t.Fatalf("%d %s: %v", response.StatusCode, body, err)
	}
	return s
}

func TestConnectionsNeedTheScope(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for _, c := range []struct {
			reason, authorization string
			status                int
			code                  db.Code
		}{
			{"no token", "", http.StatusUnauthorized, db.CodeUnauthenticated},
			{"a bad token", "Bearer bad", http.StatusUnauthorized, db.CodeUnauthenticated},
			{"a token that cannot be checked", "Bearer unasked", http.StatusServiceUnavailable, db.CodeUnavailable},
			{"no scope", "Bearer ann", http.StatusForbidden, db.CodeForbidden},
			{"another scope", "Bearer ann+users", http.StatusForbidden, db.CodeForbidden},
		} {
			response, body := w.do(w.request(http.MethodGet, snapshotPath, "", "Authorization", c.authorization))
			if response.StatusCode != c.status || !strings.Contains(body, string(c.code)) || strings.Contains(body, "ended") {
				w.t.Errorf("%s: %d %s", c.reason, response.StatusCode, body)
			}
		}
		if response, _ := w.do(w.request(http.MethodGet, snapshotPath, "", "Authorization", "Bearer root+admin", "Origin", "https://evil.example")); response.StatusCode == http.StatusOK && response.Header.Get("Access-Control-Allow-Origin") != "" {
			w.t.Error("a page of another origin may read it")
		}
		w.look("")
	})
}

// TestConnectionsAreShown: a socket and both kinds of streams, with their places; no token and no message among it.
func TestConnectionsAreShown(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		s.subscribe("s1", "subscription Watch($chat: ID) { chatEvents(chatId: $chat) { cursor } }", map[string]any{"chat": chat})
		s.read()
		s.subscribe("feed", "subscription { chatEvents { cursor } }", nil)
		s.read()
		w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat}), "Accept", mediaEvents, "Authorization", "Bearer ann@600"))
		token := w.reserve()
		w.openReserved(token)
		w.say(chat, "a secret text")
		s.read()
		synctest.Wait()
		<-time.After(5 * time.Second)
		got := w.look("")
		if got.Total != 3 || got.Matching != 3 || len(got.Open) != 3 {
			w.t.Fatalf("%+v", got)
		}
		socket := got.Open[2]
		if socket.Transport != connections.WebSocket || socket.User != "ann" || socket.AgeMs < 5000 || socket.OperationCount != 2 || socket.Ending != nil {
			w.t.Errorf("%+v", socket)
		}
		one, feed := socket.Operations[0], socket.Operations[1]
		if one.ID != "s1" || one.Name != "Watch" || !one.Subscription || one.ChatID != chat || one.Cursor != place(chat, 3) || one.Behind != 0 {
			w.t.Errorf("%+v", one)
		}
		if feed.ID != "feed" || feed.ChatID != "" || feed.Chats != 1 {
			w.t.Errorf("%+v", feed)
		}
		if got.Open[1].Transport != connections.Events || got.Open[0].Transport != connections.Reserved {
			w.t.Errorf("%+v", got.Open)
		}
		if n := len(w.look("?user=ann&limit=1").Open) + len(w.look("?user=bob").Open) + len(w.look("?transport="+connections.Reserved).Open) + len(w.look("?limit=1").Open) + len(w.look("?before=2").Open); n != 4 {
			w.t.Errorf("%d connections through four filters of one each", n)
		}
		_, raw := w.do(w.request(http.MethodGet, snapshotPath, "", "Authorization", "Bearer root+admin"))
		for _, secret := range []string{"secret", "Bearer", token, "192.0.2.1"} {
			if strings.Contains(raw, secret) {
				w.t.Errorf("%q is shown", secret)
			}
		}
	})
}

// TestWhySocketsEnd: each end has its code and a reason that people understand.
func TestWhySocketsEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		end    func(w *world)
		code   int
		words  string
	}{
		{"the client closed it", func(w *world) { _ = w.join("ann").conn.Close(websocket.StatusNormalClosure, "a secret") }, 1000, "closed the connection"},
		{"the page was left", func(w *world) { _ = w.join("ann").conn.Close(websocket.StatusGoingAway, "") }, 1001, "closed or left"},
		{"the client was lost", func(w *world) { _ = w.join("ann").conn.CloseNow() }, 1006, "without a close frame"},
		{"the token expired", func(w *world) { w.join("ann@5").closed() }, 4403, "expired"},
		{"a bad token", func(w *world) {
			s, _ := w.dial(ours, nil)
			s.send(`{"type":"connection_init","payload":{"authorization":"Bearer bad"}}`)
			s.closed()
		}, 4403, "not valid"},
		{"no init", func(w *world) { s, _ := w.dial(ours, nil); s.closed() }, 4408, "connection_init"},
		{"nonsense", func(w *world) { s := w.join("ann"); s.send("x"); s.closed() }, 4400, "protocol does not know"},
		{"an id twice", func(w *world) {
			s := w.join("ann")
			for range 2 {
				s.send(`{"type":"subscribe","id":"secret","payload":{"query":"subscription { chatEvents { cursor } }"}}`)
			}
			s.closed()
		}, 4409, "still running"},
		{"too many connections", func(w *world) {
			for range 3 {
				w.join("bob")
			}
			s, _ := w.dial(ours, nil)
			s.send(`{"type":"connection_init","payload":{"authorization":"Bearer bob"}}`)
			s.closed()
		}, 1013, "too many connections"},
		{"a slow reader", func(w *world) {
			chat := w.chat()
			s := w.join("ann")
			s.subscribe("1", followChat, map[string]any{"chat": chat})
			for n := range 100 {
				w.say(chat, strings.Repeat("x", 1000)+fmt.Sprint(n))
			}
			<-time.After(writeTimeout / 2)
			if stalled := w.look("").Open[0]; stalled.Queue.Bytes == 0 || stalled.Queue.Bytes > wire.OutboxBytes+4096 || stalled.Queue.OldestMs == 0 || stalled.Operations[0].Behind == 0 {
				w.t.Errorf("while it stalls: %+v", stalled)
			}
			<-time.After(writeTimeout/2 + time.Millisecond)
			if closing := w.look("").Open[0]; closing.Ending == nil {
				w.t.Errorf("while it says goodbye: %+v", closing)
			}
			s.closed()
		}, 1013, wire.WriteTimeout.String()},
		{"a frozen client", func(w *world) { s := w.join("ann"); s.closed() }, 1013, "ping"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, func(o *Options) { o.PerUser = 3 }, func(w *world) {
				c.end(w)
				<-time.After(closeTimeout + time.Second)
				ended := w.look("").Ended
				if len(ended) != 1 {
					w.t.Fatalf("%+v", ended)
				}
				if why := ended[0].Ending; why.Code != c.code || !strings.Contains(why.Reason, c.words) || strings.Contains(why.Reason, "secret") || why.ByClient != (c.code < 1006) {
					w.t.Errorf("%+v", why)
				}
			})
		})
	}
}

// TestWhyStreamsEnd is the same for event streams, which have no codes.
func TestWhyStreamsEnd(t *testing.T) {
	t.Parallel()
	events := func(w *world, chat, token string) *http.Response {
		return w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat}), "Accept", mediaEvents, "Authorization", "Bearer "+token))
	}
	for _, c := range []struct {
		reason string
		end    func(w *world, chat string)
		words  string
	}{
		{"the client left", func(w *world, chat string) { _ = events(w, chat, "ann").Body.Close() }, "closed the stream"},
		{"the token expired", func(w *world, chat string) { events(w, chat, "ann@5"); <-time.After(6 * time.Second) }, "expired"},
		{"the chat was deleted", func(w *world, chat string) {
			stream := events(w, chat, "ann")
			if _, err := w.repo.DeleteChat(w.t.Context(), "ann", chat); err != nil {
				w.t.Fatal(err)
			}
			_ = readSSE(stream.Body, func(sse) bool { return true })
		}, "completed"},
		{"never opened", func(w *world, _ string) { w.reserve(); <-time.After(reservationTimeout) }, "did not open it"},
		{"a slow reader", func(w *world, chat string) {
			events(w, chat, "ann")
			for n := range 200 {
				w.say(chat, strings.Repeat("x", 1000)+fmt.Sprint(n))
			}
			<-time.After(2 * writeTimeout)
		}, "too slowly"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, nil, func(w *world) {
				c.end(w, w.chat())
				<-time.After(time.Second)
				ended := w.look("").Ended
				if len(ended) != 1 || ended[0].Ending.Code != 0 || ended[0].User != "ann" || !strings.Contains(ended[0].Ending.Reason, c.words) {
					w.t.Errorf("%+v", ended)
				}
			})
		})
	}
}

// TestAnswersAreNotEndings: a client that sends its queries by event streams would push out all that matters.
func TestAnswersAreNotEndings(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		w.do(w.request(http.MethodPost, "/graphql", query("{ __typename }", nil), "Accept", mediaEvents))
		synctest.Wait()
		if got := w.look(""); got.Total != 0 || len(got.Ended) != 0 {
			w.t.Errorf("%+v", got)
		}
	})
}

// TestDrainedConnectionsSayWhy: what is seen of a stop while the process still answers.
func TestDrainedConnectionsSayWhy(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		go s.closed()
		if err := w.transport.Drain(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		got := w.transport.inspector.Look(connections.Query{})
		if got.Total != 0 || len(got.Ended) != 1 || got.Ended[0].Ending.Code != 1012 || !strings.Contains(got.Ended[0].Ending.Reason, "stopping") {
			w.t.Errorf("%+v", got)
		}
	})
}

// TestEveryReasonHasWords: a close frame has room for a few words only, which people need not understand.
func TestEveryReasonHasWords(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	ends, found := regexp.MustCompile(`(?:\.end\(|violation\{|because\()(?:close\w+, )?"([^"]+)"[,)}]`), 0
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range ends.FindAllStringSubmatch(string(source), -1) {
			found++
			if connections.ByServer(0, end[1]).Reason == end[1]+"." {
				t.Errorf("%s: %q has no words in transport/connections/words.go", name, end[1])
			}
		}
	}
	if found < 12 {
		t.Errorf("%d reasons found: the pattern is wrong", found)
	}
}
