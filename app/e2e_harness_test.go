package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"studychat/db"
	"studychat/test/services"
)

// waitLong bounds every wait of these tests: a longer wait has failed.
const waitLong = 20 * time.Second

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	status := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); status == 0 && err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		status = 1
	}
	os.Exit(status)
}

// instance is a running server, started as main starts it.
type instance struct {
	t      *testing.T
	url    string // http://127.0.0.1:port
	token  string // sent with every request, if any
	accept string // the same
	logs   *logLines
	stop   func() error // ends it like SIGTERM and returns the result of run; may be called once
}

// start runs a server on a free port with the given settings ("NAME=value") and waits until it listens.
func start(t *testing.T, settings ...string) *instance {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	logs := newLogLines(t)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, append([]string{"ADDR=127.0.0.1:0", "LOG_LEVEL=debug"}, settings...), io.Discard, logs)
	}()
	stopped := false
	i := &instance{t: t, logs: logs}
	i.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(waitLong):
			t.Fatal("the server did not stop within 20 s")
			return nil
		}
	}
	t.Cleanup(func() {
		if err := i.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case line := <-logs.listening:
		i.url = "http://" + line["addr"].(string)
	case err := <-ended:
		stopped = true
		t.Fatalf("the server did not start: %v", err)
	case <-time.After(waitLong):
		t.Fatal("the server did not start in time")
	}
	return i
}

// logLines receives a server's log, forwards it to the test's log and detects the line with the address.
type logLines struct {
	out       io.Writer
	listening chan map[string]any
	admin     chan string // the address of the server for operators
	all       chan string // bounded; the oldest lines are kept
}

func newLogLines(t *testing.T) *logLines {
	t.Helper()
	return &logLines{out: t.Output(), listening: make(chan map[string]any, 1), admin: make(chan string, 1), all: make(chan string, 10_000)}
}

// Write gets one line at a time, because slog writes that way.
func (l *logLines) Write(p []byte) (int, error) {
	var line map[string]any
	if json.Unmarshal(p, &line) == nil && line["msg"] == "listening" {
		l.listening <- line
	}
	if addr, ok := line["admin_addr"].(string); ok {
		l.admin <- addr
	}
	select {
	case l.all <- string(p):
	default:
	}
	return l.out.Write(p)
}

// text returns everything that was logged since the last call.
func (l *logLines) text() string {
	var b strings.Builder
	for {
		select {
		case line := <-l.all:
			b.WriteString(line)
		default:
			return b.String()
		}
	}
}

// world is the environment of a server.
type world struct {
	name     string
	settings func(t *testing.T) []string
}

func worlds() []world {
	return []world{
		{"SQLite", func(t *testing.T) []string { return []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/chat.db"} }},
		{"PostgreSQL and Redis", func(t *testing.T) []string {
			return []string{"DATABASE_URL=" + services.Postgres(t), "REDIS_URL=" + services.Redis(t)}
		}},
	}
}

// eachWorld runs a test over SQLite alone and over PostgreSQL with Redis.
func eachWorld(t *testing.T, test func(t *testing.T, i *instance)) {
	t.Helper()
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, w.settings(t)...))
		})
	}
}

type vars map[string]any

// answer is a GraphQL answer.
type answer struct {
	status int
	raw    string
	Data   map[string]any `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
}

// code returns the code of the first error, or "".
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	code, _ := a.Errors[0].Extensions["code"].(string)
	return code
}

// at follows the keys into the data.
func (a answer) at(path ...string) any {
	var value any = a.Data
	for _, key := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[key]
	}
	return value
}

// send posts a body as it is.
func (i *instance) send(body []byte) answer {
	i.t.Helper()
	a, err := i.trySend(body)
	if err != nil {
		i.t.Fatal(err)
	}
	return a
}

// trySend is send for goroutines other than the test's.
func (i *instance) trySend(body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLong)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if i.token != "" {
		request.Header.Set("Authorization", "Bearer "+i.token)
	}
	if i.accept != "" {
		request.Header.Set("Accept", i.accept)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, raw: string(raw)}
	return a, json.Unmarshal(raw, &a)
}

// withoutRequest leaves out of an answer what differs from request to request.
func withoutRequest(raw string) string { return requestID.ReplaceAllString(raw, "") }

var requestID = regexp.MustCompile(`"requestId":"[^"]*"`)

func operation(document string, v vars) []byte {
	body, _ := json.Marshal(map[string]any{"query": document, "variables": v})
	return body
}

// ask runs an operation and returns its answer, including errors.
func (i *instance) ask(document string, v vars) answer {
	i.t.Helper()
	return i.send(operation(document, v))
}

// must runs an operation that must succeed.
func (i *instance) must(document string, v vars) answer {
	i.t.Helper()
	a := i.ask(document, v)
	if len(a.Errors) > 0 {
		i.t.Fatalf("%s %v: %s", document, v, a.raw)
	}
	return a
}

const (
	createChat  = `mutation ($id: ID, $title: String!) { createChat(input: {id: $id, title: $title}) { chat { id eventCursor } } }`
	sendMessage = `mutation ($id: ID, $chat: ID!, $content: String!) { sendMessage(input: {id: $id, chatId: $chat, content: $content}) { message { id seq author { id } role content createdAt } } }`
	readChat    = `query ($id: ID!) { chat(id: $id) { title eventCursor messages { edges { node { seq content } } } } }`
	chatEvents  = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor ... on DurableChatEvent { eventId chatId seq } ... on MessageSent { message { content } } ... on StreamStarted { resumed } ... on StreamReset { reason } } }`
)

// cursorAt returns the cursor after this event of a chat, for a database that was never restored.
func cursorAt(chat string, seq int64) string {
	return db.Cursor{ChatID: chat, Epoch: 1, Seq: seq}.String()
}

// newChat creates a chat and returns its id and the cursor to follow it from.
func (i *instance) newChat() (id, cursor string) {
	i.t.Helper()
	a := i.must(createChat, vars{"title": "A chat"})
	return a.at("createChat", "chat", "id").(string), a.at("createChat", "chat", "eventCursor").(string)
}

func (i *instance) message(chat, content string) {
	i.t.Helper()
	i.must(sendMessage, vars{"chat": chat, "content": content})
}

// frame is a message of the graphql-transport-ws protocol.
type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is a client of graphql-transport-ws.
type socket struct {
	t       *testing.T
	conn    *websocket.Conn
	started event // the StreamStarted that the subscription began with, once next has seen it
}

// dial opens a socket without initialising it.
func (i *instance) dial(protocols ...string) *socket {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), waitLong)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, strings.Replace(i.url, "http", "ws", 1)+"/graphql", &websocket.DialOptions{Subprotocols: protocols})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t: i.t, conn: conn}
}

// follow opens a socket and subscribes to a chat, or to the feed when chat is "".
func (i *instance) follow(chat, after string) *socket {
	i.t.Helper()
	s := i.dial("graphql-transport-ws")
	init := map[string]any{}
	if i.token != "" {
		init["Authorization"] = "Bearer " + i.token
	}
	s.write("connection_init", "", init)
	if f := s.read(); f.Type != "connection_ack" {
		i.t.Fatalf("got %+v, want connection_ack", f)
	}
	v := vars{}
	if chat != "" {
		v["chat"] = chat
	}
	if after != "" {
		v["after"] = after
	}
	s.write("subscribe", "1", map[string]any{"query": chatEvents, "variables": v})
	return s
}

func (s *socket) write(kind, id string, payload any) {
	s.t.Helper()
	raw, _ := json.Marshal(payload)
	ctx, cancel := context.WithTimeout(context.Background(), waitLong)
	defer cancel()
	if err := wsjson.Write(ctx, s.conn, frame{ID: id, Type: kind, Payload: raw}); err != nil {
		s.t.Fatal(err)
	}
}

// read returns the next message that is not a ping.
func (s *socket) read() frame {
	s.t.Helper()
	f, err := s.tryRead()
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *socket) tryRead() (frame, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLong)
	defer cancel()
	for {
		var f frame
		if err := wsjson.Read(ctx, s.conn, &f); err != nil || f.Type != "ping" {
			return f, err
		}
	}
}

// event is an event of chatEvents.
type event struct {
	Kind    string `json:"__typename"`
	Cursor  string `json:"cursor"`
	EventID string `json:"eventId"`
	ChatID  string `json:"chatId"`
	Seq     int    `json:"seq"`
	Message struct {
		Content string `json:"content"`
	} `json:"message"`
	Reason  string `json:"reason"`
	Resumed bool   `json:"resumed"`
}

// next returns the next event that is not presence. It requires the StreamStarted that every stream begins with,
// exactly once.
func (s *socket) next() event {
	s.t.Helper()
	for {
		f := s.read()
		var payload struct {
			Data struct {
				ChatEvents event `json:"chatEvents"`
			} `json:"data"`
		}
		if f.Type != "next" || json.Unmarshal(f.Payload, &payload) != nil {
			s.t.Fatalf("got %s %s, want next", f.Type, f.Payload)
		}
		e := payload.Data.ChatEvents
		if first := s.started.Kind == ""; first != (e.Kind == "StreamStarted") || e.Cursor == "" {
			s.t.Fatalf("got %+v, having got %+v: want exactly one StreamStarted first, and a cursor with each event", e, s.started)
		}
		switch e.Kind {
		case "StreamStarted":
			s.started = e
		case "PresenceChanged":
		default:
			return e
		}
	}
}

// wantMessage requires that the next event is this message with this number.
func (s *socket) wantMessage(seq int, content string) event {
	s.t.Helper()
	e := s.next()
	if e.Kind != "MessageSent" || e.Seq != seq || e.Message.Content != content {
		s.t.Fatalf("got %+v, want message %d %q", e, seq, content)
	}
	return e
}

// closeCode reads until the server closes, and returns the code and the types of the messages before it.
func (s *socket) closeCode() (websocket.StatusCode, []string) {
	s.t.Helper()
	var before []string
	for {
		f, err := s.tryRead()
		if err != nil {
			return websocket.CloseStatus(err), before
		}
		before = append(before, f.Type)
	}
}

// readEvents reads a body of Server-Sent Events and sends "name data" for each; the channel closes with the body.
func readEvents(body io.ReadCloser) <-chan string {
	out := make(chan string, 100)
	go func() {
		defer close(out)
		defer body.Close()
		name := ""
		for lines := bufio.NewScanner(body); lines.Scan(); {
			if n, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = n
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				out <- name + " " + data
			}
		}
	}()
	return out
}

// eventually polls until done returns true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(waitLong)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited %s for: %s", waitLong, what)
		case <-tick.C:
		}
	}
}

const testSecret = "a secret of at least thirty-two bytes"

// withTokens returns the settings of a server that requires tokens.
func withTokens() []string {
	return []string{"JWT_SECRET=" + testSecret, "JWT_ISSUER=test", "JWT_AUDIENCE=studychat"}
}

func token(t *testing.T, user string, lifetime time.Duration) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "test", "aud": "studychat", "sub": user, "exp": time.Now().Add(lifetime).Unix(),
	}).SignedString([]byte(testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// as returns the same server for another user.
func (i *instance) as(user string) *instance {
	i.t.Helper()
	other := *i
	other.token = token(i.t, user, time.Hour)
	return &other
}
