package transport

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSocketTellsEvents is the whole way of a message, in real pipes and virtual time.
func TestSocketTellsEvents(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		w.say(chat, "two")
		for {
			m := s.read()
			if text := fmt.Sprint(m); strings.Contains(text, "MessageSent") {
				if m["type"] != "next" || m["id"] != "1" || !strings.Contains(text, "two") {
					w.t.Errorf("got %v", m)
				}
				return
			}
		}
	})
}

// TestSocketPings: who answers lives, who does not is sent away after the deadline, not before.
func TestSocketPings(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann")
		for range 5 {
			if m := s.read(); m["type"] != "ping" {
				w.t.Fatalf("got %v", m)
			}
			s.send(`{"type":"pong"}`)
		}
		if m := s.read(); m["type"] != "ping" {
			w.t.Fatalf("got %v", m)
		}
		asked := time.Now()
		if code, _, _ := s.closed(); code != closeTryAgain || time.Since(asked) != pongTimeout {
			w.t.Errorf("closed with %d after %s", code, time.Since(asked))
		}
	})
}

// TestSocketSlowReaders: one stalls for ever, one reads a message each two seconds. The first is cut in the end, the other is
// told why when what waits for it has waited too long; a third, who reads, is not disturbed.
func TestSocketSlowReaders(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		follow := map[string]any{"chat": chat, "after": place(chat, 2)}
		stalled, slow, quick := w.join("ann"), w.join("ann"), w.join("ann")
		for _, s := range []*client{stalled, slow, quick} {
			s.subscribe("1", followChat, follow)
		}
		ended := make(chan time.Duration, 2)
		began := time.Now()
		go func() {
			for {
				if _, err := slow.tryRead(); err != nil {
					if closeStatus(err) != closeTryAgain {
						w.t.Errorf("the slow reader: %v", err)
					}
					ended <- time.Since(began)
					return
				}
				<-time.After(2 * time.Second)
			}
		}()
		got := make(chan int, 1)
		go func() {
			seen := 0
			for seen < 60 {
				if strings.Contains(fmt.Sprint(quick.read()), "MessageSent") {
					seen++
				}
			}
			got <- seen
		}()
		for n := range 60 {
			w.say(chat, strings.Repeat("x", 10_000)+fmt.Sprint(n))
			<-time.After(200 * time.Millisecond)
		}
		if took := <-ended; took > 20*time.Second {
			w.t.Errorf("the slow reader was sent away after %s", took)
		}
		if seen := <-got; seen != 60 {
			w.t.Errorf("the quick reader got %d", seen)
		}
		<-time.After(writeTimeout + closeTimeout)
		began = time.Now()
		if code, _, _ := stalled.closed(); code != -1 || time.Since(began) != 0 {
			w.t.Errorf("the stalled reader: %d after another %s: it was not cut before", code, time.Since(began))
		}
	})
}

func TestSocketTokenExpires(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann@300")
		s.subscribe("1", `subscription { chatEvents { cursor } }`, nil)
		began, warned := time.Now(), time.Duration(0)
		for {
			m, err := s.tryRead()
			if err != nil {
				if closeStatus(err) != 4403 || time.Since(began) != 300*time.Second {
					w.t.Errorf("ended with %v after %s", err, time.Since(began))
				}
				break
			}
			switch m["type"] {
			case "complete", "error":
				w.t.Fatalf("got %v", m)
			case "ping":
				s.send(`{"type":"pong"}`)
				if strings.Contains(fmt.Sprint(m), "tokenExpiresInMs:60000") {
					warned = time.Since(began)
				}
			}
		}
		if warned != 240*time.Second {
			w.t.Errorf("warned after %s", warned)
		}
	})
}

// TestSocketTokenIsRenewed: the stream goes on without a break; the new token's end counts.
func TestSocketTokenIsRenewed(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann@100")
		s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		began := time.Now()
		renewed := false
		for {
			m, err := s.tryRead()
			if err != nil {
				if closeStatus(err) != 4403 || time.Since(began) != 200*time.Second {
					w.t.Errorf("ended with %v after %s", err, time.Since(began))
				}
				break
			}
			text := fmt.Sprint(m)
			switch {
			case m["type"] == "complete" || m["type"] == "error":
				w.t.Fatalf("got %v", m)
			case m["type"] == "ping" && strings.Contains(text, "tokenExpiresInMs") && !renewed:
				s.send(`{"type":"ping","payload":{"authorization":"Bearer ann@200"}}`)
			case m["type"] == "pong" && strings.Contains(text, "tokenExpiresInMs:150000"):
				renewed = true
			case m["type"] == "ping":
				s.send(`{"type":"pong"}`)
			}
		}
		if !renewed {
			w.t.Error("the renewal was not confirmed")
		}
	})
}

// TestShortTokensAreAskedForSlowly renews with tokens that live as long as the first: each is asked for halfway through the
// one before it, and never at once.
func TestShortTokensAreAskedForSlowly(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann@10")
		began, renewals := time.Now(), 0
		for {
			m, err := s.tryRead()
			if err != nil {
				if closeStatus(err) != 4403 {
					w.t.Errorf("ended with %v after %s", err, time.Since(began))
				}
				break
			}
			if m["type"] == "ping" && strings.Contains(fmt.Sprint(m), "tokenExpiresInMs") && time.Since(began) < time.Minute {
				renewals++
				s.send(fmt.Sprintf(`{"type":"ping","payload":{"authorization":"Bearer ann@%d"}}`, int(time.Since(began).Seconds())+10))
			}
		}
		if renewals < 10 || renewals > 13 {
			w.t.Errorf("renewed %d times in a minute, with tokens of 10 s", renewals)
		}
	})
}

// TestSocketRenewalCannotBeChecked: while the identity provider is away the old token goes on, and is asked for again in
// time; a socket is not cut for what is not its client's fault.
func TestSocketRenewalCannotBeChecked(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		s := w.join("ann@100")
		began, asked := time.Now(), 0
		for {
			m, err := s.tryRead()
			if err != nil {
				if closeStatus(err) != 4403 || time.Since(began) != 300*time.Second || asked < 3 {
					w.t.Errorf("asked %d times, ended with %v after %s", asked, err, time.Since(began))
				}
				return
			}
			switch text := fmt.Sprint(m); {
			case m["type"] == "ping" && strings.Contains(text, "tokenExpiresInMs"):
				token := "ann@300"
				if asked++; asked < 3 {
					token = "unasked"
				}
				s.send(`{"type":"ping","payload":{"authorization":"Bearer ` + token + `"}}`)
			case m["type"] == "ping":
				s.send(`{"type":"pong"}`)
			}
		}
	})
}

func TestSocketRenewalIsRefused(t *testing.T) {
	t.Parallel()
	for reason, token := range map[string]string{"another subject": "eve@500", "no good": "bad", "expired": "ann@0"} {
		inVirtualTime(t, nil, func(w *world) {
			s := w.join("ann@100")
			s.send(`{"type":"ping","payload":{"authorization":"Bearer ` + token + `"}}`)
			if code, _, before := s.closed(); code != 4403 || slices.Contains(before, "complete") {
				w.t.Errorf("%s: closed with %d after %v", reason, code, before)
			}
		})
	}
}

// TestSocketViewerIsTheNewest: what the newest token allows counts, for operations that start after it.
func TestSocketViewerIsTheNewest(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		for _, c := range []struct{ token, says string }{{"ann", "FORBIDDEN"}, {"ann+assistant", "ASSISTANT"}, {"ann", "FORBIDDEN"}} {
			s.send(`{"type":"ping","payload":{"authorization":"Bearer ` + c.token + `"}}`)
			if m := s.read(); m["type"] != "pong" {
				w.t.Fatalf("%s: %v", c.token, m)
			}
			s.subscribe("1", `mutation ($chat: ID!) { sendMessage(input: {chatId: $chat, content: "Hello", role: ASSISTANT}) { message { role } } }`, map[string]any{"chat": chat})
			if m := s.read(); m["type"] != "next" || !strings.Contains(fmt.Sprint(m), c.says) {
				w.t.Errorf("with %s: %v", c.token, m)
			}
			s.until(`map[id:1 type:complete]`)
		}
	})
}

func TestSeatsOfUsersAndAddresses(t *testing.T) {
	t.Parallel()
	limits := func(o *Options) { o.PerUser, o.PerAddress = 3, 5 }
	inVirtualTime(t, limits, func(w *world) {
		var open []*client
		for range 3 {
			open = append(open, w.join("ann"))
		}
		fourth, _ := w.dial(ours, nil)
		fourth.send(initMessage)
		if code, reason, _ := fourth.closed(); code != closeTryAgain {
			w.t.Errorf("a fourth socket of ann's: %d %s", code, reason)
		}
		response, _ := w.do(w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents))
		if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") == "" {
			w.t.Errorf("a stream beside three sockets: %d", response.StatusCode)
		}
		synctest.Wait() // the fourth connection is released
		open = append(open, w.join("bob"), w.join("cem"))
		if sixth, refusal := w.dial(ours, nil); sixth != nil || refusal.StatusCode != http.StatusTooManyRequests {
			w.t.Errorf("a sixth socket from one address was let in: %v", refusal)
		}
		_ = open[0].conn.CloseNow()
		synctest.Wait()
		w.join("ann") // the connection is released
	})
	inVirtualTime(t, nil, func(w *world) { // no limits set: none
		for range 30 {
			w.join("ann")
		}
	})
}

// TestSeatsOfAll: sockets and streams of all users count together. Who is refused has done nothing wrong, so it is 503.
func TestSeatsOfAll(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.Connections = 3 }, func(w *world) {
		follow := w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents)
		first := w.join("ann")
		w.join("bob")
		stream := w.open(follow)
		defer stream.Body.Close()
		wantFull := func(what string, response *http.Response) {
			if response == nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "5" {
				w.t.Fatalf("%s: %+v", what, response)
			}
		}
		_, refusal := w.dial(ours, nil)
		wantFull("a socket too many", refusal)
		response, err := w.client.Do(w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents))
		if err != nil {
			w.t.Fatal(err)
		}
		wantFull("a stream too many", response)
		_ = response.Body.Close()
		response, body := w.do(w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil)))
		if response.StatusCode != http.StatusOK {
			w.t.Errorf("a request is not a connection that stays: %d %s", response.StatusCode, body)
		}
		if n := w.transport.Stats().Refused.Of("total_limit").Load(); n != 2 {
			w.t.Errorf("counted %d refusals", n)
		}
		_ = first.conn.CloseNow()
		synctest.Wait()
		w.join("cem")
	})
}

// TestRestartWaves: 1012 to all, not at once, new ones refused, no complete, all over before Drain returns.
func TestRestartWaves(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		const sockets = 200
		ends := make(chan time.Time, sockets)
		for range sockets {
			s := w.join("ann")
			s.subscribe("1", `subscription { chatEvents { cursor } }`, nil)
			go func() {
				code, _, before := s.closed()
				if code != closeRestart || slices.Contains(before, "complete") {
					w.t.Errorf("closed with %d after %v", code, before)
				}
				ends <- time.Now()
			}()
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(w.t.Context(), 8*time.Second)
		defer cancel()
		if err := w.transport.Drain(ctx); err != nil {
			w.t.Fatal(err)
		}
		waves := map[time.Duration]int{}
		for range sockets {
			at := <-ends
			waves[at.Sub(began)]++
		}
		if len(waves) != sockets/waveSize || time.Since(began) > 3*time.Second {
			w.t.Errorf("%v in %s", waves, time.Since(began))
		}
		if s, refusal := w.dial(ours, nil); s != nil || refusal.StatusCode != http.StatusServiceUnavailable {
			w.t.Errorf("a socket was let in while stopping: %v", refusal)
		}
	})
}

// TestSocketEndsWithItsOperations: when the client goes, nothing of it stays.
func TestSocketEndsWithItsOperations(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		s := w.join("ann")
		for n := range 20 {
			s.subscribe(fmt.Sprint(n), followChat, map[string]any{"chat": chat})
		}
		synctest.Wait()
		if !w.online(chat) {
			w.t.Fatal("ann does not follow the chat")
		}
		_ = s.conn.CloseNow()
		<-time.After(time.Second)
		synctest.Wait()
		if w.online(chat) {
			w.t.Error("ann still follows the chat after the client went")
		}
	})
}
