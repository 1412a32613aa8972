package clients

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"studychat/test/services"
)

// TestStreamsOutlastAnOutage blocks queries about chats for longer than the server waits for any answer, or stops the
// server's process for 20 s. Streams that begin or resume meanwhile must continue afterwards: no client may get a
// signal that it treats as final.
func TestStreamsOutlastAnOutage(t *testing.T) {
	t.Parallel()
	needNode(t)
	const frozen = "the server is frozen"
	for reason, outage := range map[string]func(s *server, dsn string) (over <-chan struct{}){
		"the database hangs": hangDatabase,
		frozen:               (*server).freeze,
	} {
		for _, f := range libraries() {
			if reason == frozen && strings.HasPrefix(f.name, "graphql-sse") {
				continue // the socket and EventSource, which gives up first, suffice
			}
			t.Run(f.name+", "+reason, func(t *testing.T) {
				t.Parallel()
				dsn := services.Postgres(t)
				s := start(t, "DATABASE_URL="+dsn)
				chat, cursor := s.newChat("ann")
				proxy := services.NewProxy(t, strings.TrimPrefix(s.url, "http://"))
				through := &server{t: t, url: "http://" + proxy.Addr()}
				resuming := f.follow(t, through, issue(t, lasting("ann")), chat, cursor)
				seen := &log{last: 1}
				write(t, s, chat, "before", func() {})
				resuming.messages(seen, "before")

				over := outage(s, dsn)
				proxy.Cut()
				starting := f.follow(t, s, issue(t, lasting("ann")), chat, "")
				resuming.wait("connecting")
				<-over
				if l := starting.wait("event"); l.Event.Kind != "StreamStarted" {
					t.Fatalf("the first event is %q", l.Event.Kind)
				}
				write(t, s, chat, "after", func() {})
				resuming.messages(seen, "after")
				starting.messages(&log{last: 1 + written}, "after")
			})
		}
	}
}

// hangDatabase blocks all queries about chats for 8 s.
func hangDatabase(s *server, dsn string) <-chan struct{} {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLong)
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "BEGIN; LOCK TABLE chats IN ACCESS EXCLUSIVE MODE"); err != nil {
		s.t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_sleep(8); ROLLBACK"); err != nil {
			s.t.Error(err)
		}
		_ = conn.Close(ctx)
	}()
	return over
}

// freeze stops the process for 20 s, like the pause of a virtual machine.
func (s *server) freeze(string) <-chan struct{} {
	s.t.Helper()
	if err := syscall.Kill(s.pid, syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	over := make(chan struct{})
	time.AfterFunc(20*time.Second, func() {
		_ = syscall.Kill(s.pid, syscall.SIGCONT)
		close(over)
	})
	return over
}

// TestStalledReaderComesBack stops a client's process while more is pending than the kernel buffers, until the server
// disconnects it, and then continues it. The client sees the reason and misses nothing.
func TestStalledReaderComesBack(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, f := range libraries() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "MUTATION_RATE=0")
			chat, _ := s.newChat("ann")
			s.must("bob", `{ viewer { id } }`, nil) // only users who were seen can be added
			s.must("ann", `mutation ($chat: ID!) { addMember(input: {chatId: $chat, userId: "bob"}) { chat { id } } }`, vars{"chat": chat})
			c := f.follow(t, s, issue(t, lasting("bob")), chat, "")
			c.wait("event")
			if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			seen := &log{last: 2}
			for n := range 100 {
				content := fmt.Sprint("stalled ", n, strings.Repeat(" and on", 2000))
				if err := s.send("ann", chat, uuid.NewString(), content); err != nil {
					t.Fatal(err)
				}
				seen.coming = append(seen.coming, content)
			}
			s.untilOffline(chat, "bob")
			if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			for deadline := time.After(waitLong); len(seen.coming) > 0; {
				if err := seen.take(c.next(deadline, seen.coming[0][:20])); err != nil {
					t.Fatalf("%.200s", err)
				}
			}
			if f.socket && (len(seen.codes) == 0 || seen.codes[0] != "1013") {
				t.Errorf("closed with %v, want 1013", seen.codes)
			}
			if seen.tries == 0 {
				t.Error("the client was never disconnected: the test proves nothing")
			}
		})
	}
}

// untilOffline waits until the user no longer follows the chat.
func (s *server) untilOffline(chat, user string) {
	s.t.Helper()
	tick, deadline := time.NewTicker(100*time.Millisecond), time.After(waitLong)
	defer tick.Stop()
	for {
		var a struct {
			Chat struct{ Online []struct{ ID string } }
		}
		if err := s.ask("ann", `query ($chat: ID!) { chat(id: $chat) { online { id } } }`, vars{"chat": chat}, &a); err != nil {
			s.t.Fatal(err)
		}
		if len(a.Chat.Online) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s still follows the chat", user)
		}
	}
}

// must runs an operation that must succeed.
func (s *server) must(user, document string, v vars) {
	s.t.Helper()
	if err := s.ask(user, document, v, nil); err != nil {
		s.t.Fatal(err)
	}
}
