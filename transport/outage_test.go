package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"studychat/db"
)

// outage is a database that answers nothing until a time: reads end with the caller's deadline, or with that of the
// store.
type outage struct {
	db.Repository

	until *atomic.Int64 // in nanoseconds since 1970
}

const storeTimeout = 6 * time.Second // more than the hub's own

func (o outage) answers(ctx context.Context) error {
	away := time.Until(time.Unix(0, o.until.Load()))
	if !sleep(ctx, min(max(away, 0), storeTimeout)) {
		return fmt.Errorf("the database: %w", ctx.Err())
	}
	if away > storeTimeout {
		return db.Unavailable(errors.New("it does not answer"))
	}
	return nil
}

func (o outage) Head(ctx context.Context, viewer, chatID string) (db.Head, error) {
	if err := o.answers(ctx); err != nil {
		return db.Head{}, err
	}
	return o.Repository.Head(ctx, viewer, chatID)
}

func (o outage) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.FeedHeads(ctx, viewer, since)
}

func (o outage) Heads(ctx context.Context, ids []string) ([]db.Head, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.Heads(ctx, ids)
}

func (o outage) Changes(ctx context.Context, since time.Time, limit int) (db.Changes, error) {
	if err := o.answers(ctx); err != nil {
		return db.Changes{}, err
	}
	return o.Repository.Changes(ctx, since, limit)
}

func (o outage) Log(ctx context.Context, chatID string, after int64, limit int) (*db.Log, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.Log(ctx, chatID, after, limit)
}

func (o outage) Epoch(ctx context.Context) (int64, error) {
	if err := o.answers(ctx); err != nil {
		return 0, err
	}
	return o.Repository.Epoch(ctx)
}

func (o outage) Users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.Users(ctx, ids)
}

func (o outage) SawUser(ctx context.Context, id string, claims db.Claims) (*db.User, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.SawUser(ctx, id, claims)
}

func (o outage) ViewerStates(ctx context.Context, viewer string, ids []string) (map[string]db.ViewerState, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.ViewerStates(ctx, viewer, ids)
}

func (o outage) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	if err := o.answers(ctx); err != nil {
		return nil, err
	}
	return o.Repository.Chat(ctx, viewer, id)
}

// duringOutages runs a test in a world whose database can be taken away for a while.
func duringOutages(t *testing.T, test func(w *world, away func(time.Duration))) {
	t.Helper()
	var until atomic.Int64
	wrap := func(repo db.Repository) db.Repository { return outage{repo, &until} }
	overRepository(t, wrap, nil, func(w *world) {
		test(w, func(d time.Duration) { until.Store(time.Now().Add(d).UnixNano()) })
	})
}

// A subscriber begins a subscription over its carrier, and returns the lines or messages of its stream as they come, and why it
// ended.
type subscriber struct {
	name   string
	follow func(w *world, document string, variables map[string]any) (lines <-chan string, end func() error)
}

func subscribers() []subscriber {
	return []subscriber{
		{"WebSocket", func(w *world, document string, variables map[string]any) (<-chan string, func() error) {
			s := w.join("ann")
			s.subscribe("1", document, variables)
			return reading(func() (string, error) {
				_, raw, err := s.conn.Read(w.t.Context())
				if strings.Contains(string(raw), `"ping"`) {
					s.send(`{"type":"pong"}`)
				}
				return string(raw), err
			})
		}},
		{"POST", func(w *world, document string, variables map[string]any) (<-chan string, func() error) {
			return w.readLines(w.request(http.MethodPost, "/graphql", query(document, variables), "Accept", mediaEvents))
		}},
		{"EventSource", func(w *world, document string, variables map[string]any) (<-chan string, func() error) {
			u := url.Values{"query": {document}, "variables": {string(encode(variables))}}
			return w.readLines(w.request(http.MethodGet, "/graphql/stream?"+u.Encode(), "", "Accept", mediaEvents))
		}},
		{"single connection", func(w *world, document string, variables map[string]any) (<-chan string, func() error) {
			token := w.reserve()
			lines, end := w.readLines(w.request(http.MethodGet, "/graphql/stream", "", "Accept", mediaEvents, tokenHeader, token))
			began := time.Now()
			if status := w.operate(token, withID("1", document, variables)); status != http.StatusAccepted {
				end = func() error { return fmt.Errorf("the operation: status %d after %s", status, time.Since(began)) }
			}
			return lines, end
		}},
	}
}

// readLines makes a request aside, whose answer may take its time, and reads the answer.
func (w *world) readLines(r *http.Request) (lines <-chan string, end func() error) {
	var stream *http.Response
	var rest []byte
	return reading(func() (string, error) {
		if stream == nil {
			var err error
			if stream, err = w.client.Do(r); err != nil {
				return "", err
			}
			if stream.StatusCode != http.StatusOK {
				body, _ := io.ReadAll(stream.Body)
				return "", fmt.Errorf("status %d, Retry-After %q: %s", stream.StatusCode, stream.Header.Get("Retry-After"), body)
			}
		}
		for {
			if line, after, ok := strings.Cut(string(rest), "\n"); ok {
				rest = []byte(after)
				return line, nil
			}
			more := make([]byte, 4<<10)
			n, err := stream.Body.Read(more)
			rest = append(rest, more[:n]...)
			if n == 0 && err != nil {
				return "", err
			}
		}
	})
}

func reading(read func() (string, error)) (lines <-chan string, end func() error) {
	out := make(chan string, 10_000)
	var ended error
	go func() {
		defer close(out)
		for {
			line, err := read()
			if err != nil {
				ended = err
				return
			}
			out <- line
		}
	}()
	return out, func() error { return ended }
}

// startDocument selects what the database has to be asked for, also in the first event.
const startDocument = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor
	... on StreamStarted { online { id name } readMarks { user { id name } readSeq } }
	... on DurableChatEvent { seq actor { id name } chat { id title viewerState { unreadCount } } }
	... on MessageSent { message { content author { name } } } } }`

// TestStreamsOutlastAnOutage: an outage of the database that is longer than any single deadline does not end a stream which
// begins or goes on meanwhile, over any carrier. A stream that goes on misses nothing.
func TestStreamsOutlastAnOutage(t *testing.T) {
	t.Parallel()
	for _, s := range subscribers() {
		for _, away := range []time.Duration{8 * time.Second, 15 * time.Second} {
			for _, start := range []string{"a chat, now", "a chat, from a cursor", "the feed, now"} {
				duringOutages(t, func(w *world, begin func(time.Duration)) {
					chat := w.chat()
					<-time.After(2 * db.FeedOverlap) // what is older is not told again
					variables := map[string]any{}
					if start != "the feed, now" {
						variables["chat"] = chat
					}
					if start == "a chat, from a cursor" {
						variables["after"] = place(chat, 2)
						w.say(chat, "missed")
					}
					begin(away)
					lines, end := s.follow(w, startDocument, variables)
					comes := func(want string) {
						for late := time.After(time.Hour); ; {
							select {
							case line, more := <-lines:
								switch {
								case !more:
									w.t.Fatalf("%s, %s, %s away: ended with %v before %q", s.name, start, away, end(), want)
								case strings.Contains(line, "errors"), strings.Contains(line, "complete"):
									w.t.Errorf("%s, %s: got %s", s.name, start, line)
								case strings.Contains(line, want):
									return
								}
							case <-late:
								w.t.Fatalf("%s, %s, %s away: nothing came before %q", s.name, start, away, want)
							}
						}
					}
					comes("StreamStarted")
					if start == "a chat, from a cursor" {
						comes("missed")
					}
					w.say(chat, "new")
					comes(`"new"`)
					if _, err := w.repo.AddMember(w.t.Context(), "ann", chat, "bob"); err != nil { // of whom nothing is in memory
						w.t.Fatal(err)
					}
					comes("MemberAdded")
					begin(away)
					w.sayAs("bob", chat, "meanwhile")
					comes("meanwhile")
				})
			}
		}
	}
}

// TestOutagesThatLast: what waits for a database is told to come back after a while, in a way that clients take for a cut and
// not for an end.
func TestOutagesThatLast(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, carrier, after, ends string
		took                         time.Duration
		before                       []string
	}{
		{"a socket waits", "WebSocket", "", "StatusTryAgainLater", time.Minute, []string{`"ping"`, `"ping"`}},
		{"a stream that has no place does not begin", "POST", "", `status 503, Retry-After "1"`, startTimeout, nil},
		{"an EventSource must see it begin", "EventSource", "", "unexpected EOF", startTimeout, []string{"retry: 3000", ""}},
		{"single connection", "single connection", "", "the operation: status 503 after 20s", startTimeout, []string{":", ""}},
		{"a cursor is a place", "POST", "after", "unexpected EOF", time.Minute, []string{"id: CURSOR", "", ":", ""}},
		{"a cursor is a place", "EventSource", "after", "unexpected EOF", time.Minute, []string{"id: CURSOR", "", ":", ""}},
	} {
		duringOutages(t, func(w *world, begin func(time.Duration)) {
			chat := w.chat()
			variables := map[string]any{"chat": chat}
			if c.after != "" {
				variables["after"] = place(chat, 2)
			}
			begin(time.Hour)
			began := time.Now()
			subscribers := subscribers()
			i := slices.IndexFunc(subscribers, func(s subscriber) bool { return s.name == c.carrier })
			lines, end := subscribers[i].follow(w, startDocument, variables)
			var got []string
			for line := range lines {
				got = append(got, line)
			}
			took := time.Since(began)
			if err := end(); err == nil || !strings.Contains(err.Error(), c.ends) || took < c.took || took > c.took+2*storeTimeout {
				w.t.Errorf("%s, %s: ended with %v after %s", c.carrier, c.reason, err, took)
			}
			for n, want := range c.before {
				if want = strings.ReplaceAll(want, "CURSOR", place(chat, 2)); n >= len(got) || got[n] != want && (want == "" || !strings.Contains(got[n], want)) {
					w.t.Errorf("%s, %s: got %q, want %q", c.carrier, c.reason, got, c.before)
					break
				}
			}
			if slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "event:") || strings.Contains(line, "error") }) {
				w.t.Errorf("%s, %s: got %q", c.carrier, c.reason, got)
			}
		})
	}
}
