package app

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// firstBytes opens a stream over Server-Sent Events, reads its first id and disconnects.
func (i *instance) firstBytes(body []byte, lastID string) string {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), waitLong)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, i.url+"/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	id, _ := lines.ReadString('\n')
	empty, err := lines.ReadString('\n')
	if !strings.HasPrefix(id, "id: ") || empty != "\n" || err != nil {
		i.t.Fatalf("the stream begins with %q %q, %v", id, empty, err)
	}
	return strings.TrimSpace(strings.TrimPrefix(id, "id: "))
}

// TestCutAtTheStart checks that a stream that is disconnected before any event resumes from its beginning, even twice.
func TestCutAtTheStart(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		for _, feed := range []bool{false, true} {
			chat, _ := i.newChat()
			v, of := vars{"chat": chat}, chat
			if feed {
				v, of = vars{}, ""
			}
			cursor := i.firstBytes(operation(chatEvents, v), "")
			i.message(chat, "one")
			i.follow(of, cursor).wantOwn(chat, 2, "one", feed)
			again := i.firstBytes(operation(chatEvents, v), cursor) // disconnected once more before any event
			i.message(chat, "two")
			back := i.follow(of, again)
			back.wantOwn(chat, 2, "one", feed)
			back.wantOwn(chat, 3, "two", feed)
			if !back.started.Resumed {
				t.Errorf("feed %t: %+v is not marked as resumed", feed, back.started)
			}

			live := i.follow(of, "")
			if f := live.read(); !strings.Contains(string(f.Payload), `"resumed":false`) {
				t.Fatalf("the stream begins with %s", f.Payload)
			}
			i.message(chat, "three")
			live.started.Kind = "StreamStarted"
			live.wantMessage(4, "three") // from now on, without earlier messages
		}
	})
}

// wantOwn is wantMessage for feeds, too, which may repeat earlier events and contain other chats.
func (s *socket) wantOwn(chat string, seq int, content string, feed bool) {
	s.t.Helper()
	if !feed {
		s.wantMessage(seq, content)
		return
	}
	for {
		e := s.next()
		if e.ChatID != chat || e.Seq < seq {
			continue
		}
		if e.Seq != seq || e.Message.Content != content {
			s.t.Fatalf("got %+v, want message %d %q", e, seq, content)
		}
		return
	}
}

// TestFeedJoinsList checks that the list and the feed from its cursor miss nothing while messages are sent.
func TestFeedJoinsList(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, i *instance) {
		const sends = 6 // per round, in each chat
		chats := make([]string, 3)
		for n := range chats {
			chats[n], _ = i.newChat()
		}
		for round := 1; round <= 10; round++ {
			var writing sync.WaitGroup
			for _, chat := range chats {
				writing.Go(func() {
					for range sends {
						if a, err := i.trySend(operation(sendMessage, vars{"chat": chat, "content": "text"})); err != nil || len(a.Errors) > 0 {
							t.Errorf("%v %s", err, a.raw)
						}
					}
				})
			}
			i.joinFeed(len(chats), 1+round*sends)
			writing.Wait()
		}
	})
}

// joinFeed reads the list and then the feed, until every chat has reached the number.
func (i *instance) joinFeed(chats, number int) {
	i.t.Helper()
	list := i.must(`{ chats { eventCursor nodes { id seq } } }`, nil)
	reached := map[string]int{}
	for _, node := range list.at("chats", "nodes").([]any) {
		chat := answer{Data: node.(map[string]any)}
		seq := int(chat.at("seq").(float64))
		reached[chat.at("id").(string)] = seq
		if seq == number {
			chats--
		}
	}
	feed := i.follow("", list.at("chats", "eventCursor").(string))
	defer func() { _ = feed.conn.CloseNow() }()
	for chats > 0 {
		e := feed.next()
		if e.Seq <= reached[e.ChatID] {
			continue // the list already showed it
		}
		if e.Seq != reached[e.ChatID]+1 {
			i.t.Fatalf("event %d of %s follows %d", e.Seq, e.ChatID, reached[e.ChatID])
		}
		if reached[e.ChatID] = e.Seq; e.Seq == number {
			chats--
		}
	}
}
