package graph_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"studychat/db"
	"studychat/events"
)

// sickLive fails to begin streams: a few times because the database does not answer, or because this instance stops.
type sickLive struct {
	failures atomic.Int32
	err      error
}

type oneEvent struct{ told bool }

func (s *oneEvent) Next(context.Context) (events.Item, error) {
	if s.told {
		return events.Item{}, io.EOF
	}
	s.told = true
	return events.Item{Cursor: "1.1.1", Ephemeral: &events.Ephemeral{Kind: events.TypingChanged, ChatID: chat1, User: "ann"}}, nil
}
func (*oneEvent) Close() {}

func (l *sickLive) Chat(context.Context, string, string, *db.Cursor) (events.Stream, error) {
	return l.Feed(context.Background(), "", nil)
}

func (l *sickLive) Feed(context.Context, string, *db.FeedCursor) (events.Stream, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, l.err
	}
	return &oneEvent{}, nil
}
func (*sickLive) Typing(context.Context, string, string, bool) {}
func (*sickLive) Online(context.Context, []*db.Chat) (map[string][]string, error) {
	return nil, nil
}

// TestSubscriptionWaitsToBegin: a short outage of the database does not end a subscription.
func TestSubscriptionWaitsToBegin(t *testing.T) {
	t.Parallel()
	live := &sickLive{err: db.Unavailable(errors.New("the database restarts"))}
	live.failures.Store(2)
	got := followSick(t, live)
	if !strings.Contains(got, `"cursor":"1.1.1"`) || strings.Contains(got, "UNAVAILABLE") {
		t.Errorf("got %s", got)
	}
}

// TestSubscriptionThatMayNotBegin: other refusals come at once.
func TestSubscriptionThatMayNotBegin(t *testing.T) {
	t.Parallel()
	live := &sickLive{err: db.NotFound("chat")}
	live.failures.Store(1)
	if got := followSick(t, live); !strings.Contains(got, "NOT_FOUND") || strings.Contains(got, "1.1.1") {
		t.Errorf("got %s", got)
	}
}

func followSick(t *testing.T, live *sickLive) string {
	t.Helper()
	e := serveEdge(t, newStore(t, slog.Default()), live, slog.New(slog.DiscardHandler))
	response := e.post(t.Context(), "ann", "text/event-stream", `subscription { chatEvents { cursor } }`, nil)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	var got strings.Builder
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		got.WriteString(lines.Text() + "\n")
	}
	return got.String()
}
