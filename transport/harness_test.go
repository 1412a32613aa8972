package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"studychat/auth"
	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/graph"
)

// names is a verifier for tests: the token is the user's name, and perhaps "@" and the seconds for which it is good from the
// start of time in the world, or "+" and a scope. "bad" is not valid, and "unasked" cannot be checked at the moment.
type names struct{ since time.Time }

func (n names) Verify(_ context.Context, token string) (auth.Viewer, error) {
	name, life, limited := strings.Cut(token, "@")
	name, scope, _ := strings.Cut(name, "+")
	viewer := auth.Viewer{ID: name, Scopes: []string{scope}}
	if limited {
		seconds, _ := strconv.Atoi(life)
		viewer.Expires = n.since.Add(time.Duration(seconds) * time.Second)
	}
	if name == "unasked" {
		return auth.Viewer{}, &db.Error{Code: db.CodeUnavailable, Message: "The token cannot be checked at the moment."}
	}
	if name == "bad" || limited && !time.Now().Before(viewer.Expires) {
		return auth.Viewer{}, &db.Error{Code: db.CodeUnauthenticated, Message: "The token is not valid."}
	}
	return viewer, nil
}

// strictNames takes tokens that are a name and nothing else.
type strictNames struct{}

func (strictNames) Verify(_ context.Context, token string) (auth.Viewer, error) {
	if strings.ContainsAny(token, ", ") {
		return auth.Viewer{}, &db.Error{Code: db.CodeUnauthenticated, Message: "The token is not valid."}
	}
	return auth.Viewer{ID: token}, nil
}

// world is the real edge over SQLite in memory, reached through pipes, so that it can live in virtual time.
type world struct {
	t         *testing.T
	transport *Transport
	store     *sqlstore.Store
	hub       *hub.Hub
	repo      db.Repository
	server    *http.Server
	listener  *pipes
	client    *http.Client
	log       *lockedBuffer
}

// pipes is a listener whose connections are net.Pipes: synchronous, without buffers of a kernel.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "192.0.2.1:1234" }

type pipeConn struct{ net.Conn }

func (pipeConn) RemoteAddr() net.Addr { return pipeAddr{} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return pipeConn{c}, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inVirtualTime runs a test with a world whose clock stands still while anybody works.
func inVirtualTime(t *testing.T, change func(*Options), test func(w *world)) {
	t.Helper()
	overRepository(t, nil, change, test)
}

// overRepository is inVirtualTime with a repository of its own between the server and the store. What the test itself writes
// does not pass through it.
func overRepository(t *testing.T, wrap func(db.Repository) db.Repository, change func(*Options), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldOver(t, wrap, change)
		defer w.close()
		test(w)
	})
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	return newWorldOver(t, nil, change)
}

func newWorldOver(t *testing.T, wrap func(db.Repository) db.Repository, change func(*Options)) *world {
	t.Helper()
	logged := &lockedBuffer{}
	log := slog.New(slog.NewTextHandler(io.MultiWriter(t.Output(), logged), nil))
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.MigrateUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	bus := events.NewMemoryBus()
	var repo db.Repository = store
	if wrap != nil {
		repo = wrap(store)
	}
	hub := hub.New(repo, bus, events.NewMemoryRegistry(), log)
	if err := hub.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: logged, store: store, hub: hub, repo: events.NewPublisher(store, bus, log), listener: &pipes{conns: make(chan net.Conn), done: make(chan struct{})}}
	o := Options{
		Executor: graph.NewExecutor(&graph.Resolver{Repo: events.NewPublisher(repo, bus, log), Live: hub, Log: log}, graph.Options{Introspection: true}),
		Verifier: names{time.Now()}, Pages: http.NotFoundHandler(), Log: log,
		Ready: func(context.Context) Readiness { return Readiness{Ready: true} },
	}
	if change != nil {
		change(&o)
	}
	w.transport = New(o)
	w.server = w.transport.Server()
	go func() { _ = w.server.Serve(w.listener) }()
	w.client = &http.Client{Transport: &http.Transport{DialContext: w.listener.dial, DisableCompression: true}}
	return w
}

// close ends the world in the order of the real one.
func (w *world) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.transport.Drain(ctx); err != nil {
		w.t.Error("drain:", err)
	}
	w.client.CloseIdleConnections()
	if err := w.server.Close(); err != nil {
		w.t.Error("close:", err)
	}
	w.hub.Stop()
	_ = w.store.Close()
	<-time.After(time.Second) // virtual: net/http lingers on a connection whose body it refused
}

// chat makes a chat of ann's with one message and returns its id.
func (w *world) chat() string {
	w.t.Helper()
	chat, err := w.repo.CreateChat(w.t.Context(), "ann", db.NewChat{ID: db.NewID(), Title: "A chat"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.say(chat.ChatID, "one")
	return chat.ChatID
}

// place is the cursor just after an event of a chat, as clients see it.
func place(chat string, seq int64) string {
	return db.Cursor{ChatID: chat, Epoch: 1, Seq: seq}.String()
}

// online says whether ann has a stream of the chat.
func (w *world) online(chat string) bool {
	w.t.Helper()
	found, err := w.hub.Online(w.t.Context(), []*db.Chat{{ID: chat, Members: []*db.Member{{UserID: "ann"}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found[chat]) > 0
}

func (w *world) say(chat, content string) {
	w.t.Helper()
	w.sayAs("ann", chat, content)
}

func (w *world) sayAs(user, chat, content string) {
	w.t.Helper()
	_, err := w.repo.SendMessage(w.t.Context(), user, db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: content})
	if err != nil {
		w.t.Fatal(err)
	}
}

// request makes a request as ann.
func (w *world) request(method, path, body string, header ...string) *http.Request {
	w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://chat.example"+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ann")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return r
}

// do makes the request and reads the whole answer.
func (w *world) do(r *http.Request) (*http.Response, string) {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		w.t.Fatal(err)
	}
	return response, body.String()
}

// query is the body of an operation.
func query(document string, variables map[string]any) string {
	return string(encode(map[string]any{"query": document, "variables": variables}))
}

const followChat = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor ... on MessageSent { message { content } } } }`

// client is the other end of a socket.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

// dial opens a socket; the response is that of a refusal.
func (w *world) dial(protocols []string, header http.Header) (*client, *http.Response) {
	w.t.Helper()
	conn, response, err := websocket.Dial(w.t.Context(), "ws://chat.example/graphql", &websocket.DialOptions{
		HTTPClient: w.client, Subprotocols: protocols, HTTPHeader: header,
	})
	if err != nil {
		return nil, response
	}
	conn.SetReadLimit(10 << 20)
	return &client{w.t, conn}, response
}

// join opens a socket for a token and initialises it.
func (w *world) join(token string) *client {
	w.t.Helper()
	c, refusal := w.dial([]string{subprotocol}, nil)
	if c == nil {
		w.t.Fatalf("refused: %+v", refusal)
	}
	c.send(`{"type":"connection_init","payload":{"authorization":"Bearer ` + token + `"}}`)
	if m := c.read(); m["type"] != "connection_ack" {
		w.t.Fatalf("got %v, want connection_ack", m)
	}
	return c
}

// sendAside sends while the caller reads: pipes hold nothing, and a large message takes its time.
func (c *client) sendAside(message string) {
	go func() {
		if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
			c.t.Errorf("write: %v", err)
		}
	}()
}

func (c *client) send(message string) {
	c.t.Helper()
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func (c *client) subscribe(id, document string, variables map[string]any) {
	c.t.Helper()
	c.send(string(encode(map[string]any{"type": "subscribe", "id": id, "payload": map[string]any{"query": document, "variables": variables}})))
}

// tryRead returns the next message, or the end of the socket.
func (c *client) tryRead() (map[string]any, error) {
	_, raw, err := c.conn.Read(c.t.Context())
	if err != nil {
		return nil, err
	}
	var message map[string]any
	return message, json.Unmarshal(raw, &message)
}

func (c *client) read() map[string]any {
	c.t.Helper()
	m, err := c.tryRead()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return m
}

// closeStatus is the code with which a socket was closed, or -1.
func closeStatus(err error) int { return int(websocket.CloseStatus(err)) }

// closed reads until the socket closes: its code (-1: broken off), its reason, and the types of what came before.
func (c *client) closed() (code int, reason string, before []string) {
	c.t.Helper()
	for {
		m, err := c.tryRead()
		if err != nil {
			if status, ok := errors.AsType[websocket.CloseError](err); ok {
				return int(status.Code), status.Reason, before
			}
			return -1, "", before
		}
		kind, _ := m["type"].(string)
		before = append(before, kind)
	}
}

// sse is an event that was received.
type sse struct{ id, name, data string }

// lines is a body that is read line by line, by one reader after the other.
type lines struct {
	*bufio.Reader
	io.Closer
}

// readSSE parses a stream as HTML 9.2.6 says, but for comments, which are dropped. The error is nil after an orderly end.
func readSSE(body io.Reader, each func(sse) bool) error {
	from, ok := body.(lines)
	if !ok {
		from.Reader = bufio.NewReader(body)
	}
	var e sse
	seen := false
	for {
		line, err := from.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if seen && !each(e) {
				return nil
			}
			e, seen = sse{}, false
		case field == "id":
			e.id = value
		case field == "event":
			e.name = value
		case field == "data":
			e.data, seen = value, true
		case field != "":
			each(sse{name: "unexpected field " + field})
		}
	}
}
