package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/transport/connections"
)

// bare is a transport with streams alone.
func bare() *Transport {
	return &Transport{streams: newOpenStreams(), options: Options{
		Ready: func(context.Context) Readiness {
			return Readiness{Ready: true, Parts: map[string]string{"database": "ok"}}
		},
		Log: slog.New(slog.DiscardHandler),
	}}
}

// restarts is a stream that is closed when it is to end.
type restarts chan struct{}

func (r restarts) restart()               { close(r) }
func (restarts) Transport() string        { return "" }
func (restarts) User() string             { return "" }
func (restarts) State() connections.State { return connections.State{} }

func TestDrainCutsAndWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := bare()
		cut := make(restarts)
		if !tr.streams.add(cut) {
			t.Fatal("refused")
		}
		go func() {
			<-cut
			<-time.After(time.Second) // virtual: the stream takes a while to end
			tr.streams.remove(cut)
			tr.streams.remove(cut) // twice does no harm
		}()
		began := time.Now()
		if err := tr.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("Drain took %s: it did not wait for the stream", took)
		}
		if tr.streams.add(make(restarts)) {
			t.Error("a stream was let in after Drain")
		}
	})
}

func TestDrainHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tr := bare()
		tr.streams.add(make(restarts))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := tr.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		for one := range tr.streams.all { // so that nothing waits any more
			tr.streams.remove(one)
		}
	})
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	tr := bare()
	status := func() int {
		w := httptest.NewRecorder()
		tr.Readyz(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
		return w.Code
	}
	if got := status(); got != http.StatusOK {
		t.Errorf("healthy: %d", got)
	}
	tr.options.Ready = func(context.Context) Readiness {
		return Readiness{Parts: map[string]string{"database": "down"}}
	}
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("no database: %d", got)
	}
	tr.options.Ready = func(context.Context) Readiness { return Readiness{Ready: true} }
	tr.Leave()
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("leaving: %d", got)
	}
	if one := make(restarts); !tr.streams.add(one) {
		t.Error("leaving: a stream was refused, although balancers need time to notice")
	} else {
		tr.streams.remove(one)
	}
	_ = tr.Drain(t.Context())
	if got := status(); got != http.StatusServiceUnavailable {
		t.Errorf("stopping: %d", got)
	}
}

// stuck is a repository whose lists do not end when their context is cancelled, but when release is closed.
type stuck struct {
	db.Repository

	release, over chan struct{}
}

func (s stuck) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	defer close(s.over)
	<-s.release
	return s.Repository.Chats(ctx, viewer, module, page)
}

// TestDrainWaitsForOperations: after Drain the database is closed, so no operation may still be running.
func TestDrainWaitsForOperations(t *testing.T) {
	t.Parallel()
	var s stuck
	slow := func(repo db.Repository) db.Repository {
		s = stuck{repo, make(chan struct{}), make(chan struct{})}
		return s
	}
	overRepository(t, slow, nil, func(w *world) {
		c := w.join("ann")
		c.subscribe("1", `{ chats { edges { cursor } } }`, nil)
		synctest.Wait()
		go c.closed()
		go func() {
			<-time.After(3 * time.Second)
			close(s.release)
		}()
		if err := w.transport.Drain(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		select {
		case <-s.over:
		default:
			w.t.Error("Drain returned while an operation was running")
		}
	})
}
