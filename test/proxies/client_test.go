package proxies

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

const follow = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor ... on MessageSent { message { content } } ... on StreamReset { reason } } }`

// link is one connection of a follower: it calls see for each payload, until the connection ends, and says why.
type link func(ctx context.Context, f *follower, see func(payload []byte)) error

// follower follows a chat, and resumes from its cursor when a connection ends, as clients do.
type follower struct {
	name   string
	url    string
	client *http.Client
	token  string
	chat   string
	link   link
	major  int // the version of HTTP that its event streams must have

	mu     sync.Mutex
	cursor string
	seen   []string // the messages
	links  int      // connections so far
	faults []string
	more   chan struct{} // of size one: there is something new
}

// run follows until ctx ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.mu.Lock()
		f.links++
		f.mu.Unlock()
		_ = f.link(ctx, f, f.see)
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// see takes a payload.
func (f *follower) see(raw []byte) {
	var payload struct {
		Data struct {
			ChatEvents struct {
				Kind    string `json:"__typename"`
				Cursor  string
				Message struct{ Content string }
			}
		}
		Errors []any
	}
	err := json.Unmarshal(raw, &payload)
	event := payload.Data.ChatEvents
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil, event.Cursor == "", event.Kind == "StreamReset":
		f.faults = append(f.faults, fmt.Sprintf("%v: %s", err, raw))
	case event.Kind == "MessageSent":
		f.seen = append(f.seen, event.Message.Content)
		fallthrough
	default:
		f.cursor = event.Cursor
	}
	select {
	case f.more <- struct{}{}:
	default:
	}
}

func (f *follower) after() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor
}

// count is how many messages it has seen, over how many connections.
func (f *follower) count() (messages, links int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.seen), f.links
}

// waitFor waits until it has seen n messages.
func (f *follower) waitFor(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(waitLong)
	for {
		if got, _ := f.count(); got >= n {
			return
		}
		select {
		case <-f.more:
		case <-deadline:
			got, links := f.count()
			t.Fatalf("%s has seen %d messages of %d, over %d connections", f.name, got, n, links)
		}
	}
}

// bySocket follows over a WebSocket.
func bySocket(ctx context.Context, f *follower, see func([]byte)) error {
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(dialing, f.url+"/graphql", &websocket.DialOptions{HTTPClient: f.client, Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return err
	}
	defer conn.CloseNow() //nolint:errcheck // the error of reading is the one that counts
	init := map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + f.token}}
	subscribe := map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": follow, "variables": map[string]string{"chat": f.chat, "after": f.after()}}}
	if err := errors.Join(wsjson.Write(ctx, conn, init), wsjson.Write(ctx, conn, subscribe)); err != nil {
		return err
	}
	for {
		var frame struct {
			Type    string
			Payload json.RawMessage
		}
		if err := wsjson.Read(ctx, conn, &frame); err != nil {
			return err
		}
		switch frame.Type {
		case "next":
			see(frame.Payload)
		case "ping":
			if err := wsjson.Write(ctx, conn, map[string]string{"type": "pong"}); err != nil {
				return err
			}
		case "connection_ack":
		default:
			return fmt.Errorf("got %s %s", frame.Type, frame.Payload)
		}
	}
}

// byPost follows by graphql-sse: it sends the cursor as a variable.
func byPost(ctx context.Context, f *follower, see func([]byte)) error {
	body, err := json.Marshal(map[string]any{"query": follow, "variables": map[string]string{"chat": f.chat, "after": f.after()}})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+f.token)
	return f.events(request, see)
}

// byEventSource follows as a browser's EventSource does: one URL, and Last-Event-ID when it comes back.
func byEventSource(beginning string) link {
	return func(ctx context.Context, f *follower, see func([]byte)) error {
		variables, err := json.Marshal(map[string]string{"chat": f.chat, "after": beginning})
		if err != nil {
			return err
		}
		parameters := url.Values{"query": {follow}, "variables": {string(variables)}, "access_token": {f.token}}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+"/graphql/stream?"+parameters.Encode(), nil)
		if err != nil {
			return err
		}
		request.Header.Set("Accept", "text/event-stream")
		if last := f.after(); last != beginning {
			request.Header.Set("Last-Event-ID", last)
		}
		return f.events(request, see)
	}
}

// events reads a stream of events. A proxy that cuts it in the middle of one must not make half an event of it.
func (f *follower) events(request *http.Request, see func([]byte)) error {
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	if response.ProtoMajor != f.major {
		f.mu.Lock()
		f.faults = append(f.faults, response.Proto)
		f.mu.Unlock()
	}
	name, data := "", ""
	for lines := bufio.NewReader(response.Body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" && name == "complete":
			return io.EOF
		case line == "":
			if name == "next" {
				see([]byte(data))
			}
			name, data = "", ""
		case strings.HasPrefix(line, "event:"):
			name = strings.TrimSpace(line[len("event:"):])
		case strings.HasPrefix(line, "data:"):
			data = strings.TrimSpace(line[len("data:"):])
		}
	}
}
