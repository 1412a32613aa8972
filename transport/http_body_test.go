package transport

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"studychat/db"
	"studychat/graph/limits"
	"studychat/test/hostile"
)

const sendVariable = `mutation ($chat: ID!, $content: String!) { sendMessage(input: {chatId: $chat, content: $content}) { message { content } } }`

func TestBoundsAgree(t *testing.T) {
	t.Parallel()
	if hostile.MaxBody != MaxBody || MaxBody < 14*db.MaxContent || limits.LongestText < db.MaxContent {
		t.Errorf("%d %d", hostile.MaxBody, MaxBody)
	}
}

// TestWhatIsPromisedFits: the longest message, in each form that clients write, on each transport, as a variable and as a
// literal in the document.
func TestWhatIsPromisedFits(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("😀", 16_000)
	escapes := strings.Repeat(`\ud83d\ude00`, 16_000)
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		literal := func(text string) string {
			return `mutation { sendMessage(input: {chatId: "` + chat + `", content: ` + text + `}) { message { content } } }`
		}
		ascii := func(document string) string { // as encoders that write ASCII alone do
			return strings.ReplaceAll(query(document, nil), "😀", `\ud83d\ude00`)
		}
		for reason, body := range map[string]string{
			"a variable":                       query(sendVariable, map[string]any{"chat": chat, "content": content}),
			"an escaped variable":              `{"query":` + string(encode(sendVariable)) + `,"variables":{"chat":"` + chat + `","content":"` + escapes + `"}}`,
			"a literal":                        query(literal(`"`+content+`"`), nil),
			"a block":                          query(literal(`"""`+content+`"""`), nil),
			"a literal, escaped by JSON":       ascii(literal(`"` + content + `"`)),
			"a literal, escaped itself":        query(literal(`"`+escapes+`"`), nil),
			"a literal, escaped in GraphQL 21": query(literal(`"`+strings.Repeat(`\u{1F600}`, 16_000)+`"`), nil),
		} {
			for _, accept := range []string{mediaGraphQL, mediaEvents} {
				response, answer := w.do(w.request(http.MethodPost, "/graphql", body, "Accept", accept))
				if response.StatusCode != http.StatusOK || strings.Count(answer, "😀") != 16_000 {
					w.t.Errorf("%s, %s: %d %.200s", reason, accept, response.StatusCode, answer)
				}
			}
			s := w.join("ann")
			s.sendAside(`{"type":"subscribe","id":"1","payload":` + body + `}`)
			if m := s.read(); m["type"] != "next" || strings.Count(fmt.Sprint(m), "😀") != 16_000 {
				w.t.Errorf("%s, WebSocket: %.200v", reason, m)
			}
			_ = s.conn.CloseNow()
		}
	})
}

// TestAModuleFits: the largest body is read on each transport, with the longest text of the schema in its longest form.
func TestAModuleFits(t *testing.T) {
	t.Parallel()
	body := query(`mutation { putModule(input: {moduleId: "m", title: "M", content: "`+strings.Repeat(`\ud83d\ude00`, db.MaxModuleContent)+`"}) { module { id } } }`, nil)
	inVirtualTime(t, nil, func(w *world) {
		for _, accept := range []string{mediaGraphQL, mediaEvents} {
			response, answer := w.do(w.request(http.MethodPost, "/graphql", body, "Accept", accept, "Authorization", "Bearer ann+modules"))
			if response.StatusCode != http.StatusOK || !strings.Contains(answer, `"module":{"id":"m"}`) {
				w.t.Errorf("%s: %d %.200s", accept, response.StatusCode, answer)
			}
		}
		s := w.join("ann+modules")
		s.sendAside(`{"type":"subscribe","id":"1","payload":` + body + `}`)
		for {
			m := s.read()
			if m["type"] == "ping" { // it comes slowly: the socket is read at 256 KB a second
				continue
			}
			if m["type"] != "next" || !strings.Contains(fmt.Sprint(m), "module:map[id:m]") {
				w.t.Errorf("WebSocket: %.200v", m)
			}
			return
		}
	})
}

// slowly is a body that does not end until it is told to.
type slowly struct {
	begin io.Reader
	ctx   context.Context
}

func (s slowly) Read(p []byte) (int, error) {
	if n, err := s.begin.Read(p); err == nil {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

// TestLargeBodiesAreBounded: while some take all the room that there is for large bodies, others are sent away for a
// moment, on each transport; small ones are not concerned. When the slow ones are given up there is room again.
func TestLargeBodiesAreBounded(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	change := func(o *Options) { o.PerUser, o.Log = 10, slog.New(slog.NewTextHandler(log, nil)) }
	inVirtualTime(t, change, func(w *world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		defer cancel()
		large := query(`{ __typename #`+strings.Repeat("x", 1000)+"\n}", map[string]any{"x": strings.Repeat("x", 12*smallBody)})
		hold := func(user string) {
			r := w.request(http.MethodPost, "/graphql", "", "Content-Type", mediaJSON, "Authorization", "Bearer "+user).WithContext(ctx)
			r.Body = io.NopCloser(slowly{strings.NewReader(large[:smallBody+1000]), ctx})
			go func() {
				if response, err := w.client.Do(r); err == nil {
					_ = response.Body.Close()
				}
			}()
			synctest.Wait()
		}
		ask := func(user string) (int, string) {
			response, answer := w.do(w.request(http.MethodPost, "/graphql", large, "Accept", mediaGraphQL, "Authorization", "Bearer "+user))
			if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "1" {
				w.t.Errorf("Retry-After: %q", response.Header.Get("Retry-After"))
			}
			return response.StatusCode, answer
		}
		for range 3 {
			hold("ann")
		}
		if status, answer := ask("ann"); status != http.StatusServiceUnavailable || !strings.Contains(answer, "UNAVAILABLE") {
			w.t.Errorf("a fourth of ann's: %d %s", status, answer)
		}
		if status, answer := ask("bob"); status != http.StatusOK {
			w.t.Errorf("bob's first: %d %s", status, answer)
		}
		for n := range 3*3 - 1 {
			hold(fmt.Sprint("user", n/3))
		}
		if status, answer := ask("bob"); status != http.StatusServiceUnavailable || !strings.Contains(answer, "retryAfterMs") {
			w.t.Errorf("when all is taken: %d %s", status, answer)
		}
		if log.lines("large request was refused") != 1 {
			w.t.Errorf("the log: %s", log.all.String())
		}
		s := w.join("bob")
		go func() { // fails once the socket has ended
			_ = s.conn.Write(w.t.Context(), websocket.MessageText, []byte(`{"type":"subscribe","id":"1","payload":`+large+`}`))
		}()
		if code, _, before := s.closed(); code != closeTryAgain || len(before) > 0 {
			w.t.Errorf("over a socket: closed with %d after %v", code, before)
		}
		if response, answer := w.do(w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil))); response.StatusCode != http.StatusOK {
			w.t.Errorf("a small one: %d %s", response.StatusCode, answer)
		}
		<-time.After(largeTimeout + time.Second)
		if status, answer := ask("bob"); status != http.StatusOK {
			w.t.Errorf("when the others were given up: %d %s", status, answer)
		}
		if held(w.transport, "bodies") {
			w.t.Error("bytes are still counted")
		}
	})
}

// TestLargeBodiesAreReleased: whatever becomes of a large request, it is counted no longer than it is under way.
func TestLargeBodiesAreReleased(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.PerUser = 10 }, func(w *world) {
		pad := strings.Repeat("x", 2*smallBody)
		with := func(document string) string { return query(document, map[string]any{"x": pad}) }
		_, token := w.do(w.request(http.MethodPut, "/graphql/stream", ""))
		stream := w.open(w.request(http.MethodGet, "/graphql/stream?token="+token, "", "Accept", mediaEvents))
		go func() { _, _ = io.Copy(io.Discard, stream.Body) }()
		reserved := []string{"X-Graphql-Event-Stream-Token", token}
		for _, c := range []struct {
			reason, path, body string
			header             []string
			status             int
		}{
			{"a query", "/graphql", with(`{ __typename }`), nil, 200},
			{"not valid", "/graphql", with(`{ nothing }`), nil, 200},
			{"not JSON", "/graphql", with(`{ a }`)[1:], nil, 400},
			{"no media type", "/graphql", with(`{ __typename }`), []string{"Accept", "text/html"}, 406},
			{"events", "/graphql", with(`{ __typename }`), []string{"Accept", mediaEvents}, 200},
			{"a subscription", "/graphql", with(`subscription { chatEvents { cursor } }`), []string{"Accept", mediaEvents}, 200},
			{"a reserved stream, without an id", "/graphql/stream", with(`{ __typename }`), reserved, 400},
			{"a reserved stream", "/graphql/stream", `{"extensions":{"operationId":"1"},` + with(`{ __typename }`)[1:], reserved, 202},
			{"a subscription on a reserved stream", "/graphql/stream", `{"extensions":{"operationId":"2"},` + with(`subscription { chatEvents { cursor } }`)[1:], reserved, 202},
		} {
			response, answer := w.do(w.request(http.MethodPost, c.path, c.body, c.header...))
			synctest.Wait()
			if response.StatusCode != c.status {
				w.t.Errorf("%s: %d %.200s", c.reason, response.StatusCode, answer)
			}
			if held(w.transport, "bodies") {
				w.t.Errorf("%s: bytes are still counted", c.reason)
			}
			if c.reason == "a subscription" && !strings.Contains(answer, "BAD_USER_INPUT") {
				w.t.Errorf("a large subscription runs: %.200s", answer)
			}
		}
		s := w.join("ann")
		for _, message := range []string{
			`{"type":"subscribe","id":"1","payload":` + with(`{ __typename }`) + `}`,
			`{"type":"subscribe","id":"1","payload":` + with(`subscription { chatEvents { cursor } }`) + `}`,
			`{"type":"subscribe","id":"1","payload":` + with(`{ nothing }`) + `}`,
			`{"type":"ping","payload":{"x":"` + pad + `"}}`,
			`{"type":"subscribe","id":"","payload":` + with(`{ __typename }`) + `}`,
		} {
			s.send(message)
			for m, err := s.tryRead(); err == nil && m["type"] == "next"; {
				m, err = s.tryRead()
			}
			synctest.Wait()
			if held(w.transport, "bodies") {
				w.t.Errorf("%.60s: bytes are still counted", message)
			}
		}
	})
}

// TestLargeMessageThatNeverEnds: it holds what is for all, so its socket is closed, though something comes all the time.
func TestLargeMessageThatNeverEnds(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		began := time.Now()
		over := make(chan struct{})
		go func() {
			defer close(over)
			writer, err := s.conn.Writer(w.t.Context(), websocket.MessageText)
			for n := 0; err == nil && n < 1000; n++ {
				<-time.After(4 * time.Second)
				_, err = writer.Write([]byte(strings.Repeat(" ", smallBody/2)))
			}
		}()
		if code, _, _ := s.closed(); code != closeTryAgain || time.Since(began) > largeTimeout+20*time.Second {
			w.t.Errorf("closed with %d after %s", code, time.Since(began))
		}
		<-over
		synctest.Wait()
		if held(w.transport, "bodies") {
			w.t.Error("bytes are still counted")
		}
	})
}

// held says whether the key holds something of the transport's quotas: nothing more fits into a limit of 1 then.
func held(t *Transport, key string) bool {
	held, ok := t.quotas.Acquire(key, 1, 1)
	held.Release()
	return !ok
}
