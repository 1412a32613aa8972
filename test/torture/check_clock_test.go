package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/db"
)

const (
	disconnectPause = 25 * time.Millisecond // between two disconnects
	listed          = 5                     // chats whose order is compared
	tokenLife       = 60 * time.Second
	tokenPast       = 35 * time.Second // expired, including the leeway for clock differences
	mostOff         = 2 * time.Second  // between a message's createdAt and the time it was sent
)

// clockForm is how far the instances' clocks are ahead, first and from half-way on.
type clockForm struct {
	clocks, later []time.Duration
}

func (f clockForm) String() string {
	if f.later == nil {
		return fmt.Sprint(f.clocks)
	}
	return fmt.Sprintf("%v and then %v", f.clocks, f.later)
}

// clockSkew runs instances whose clocks differ from each other and from the database's.
func clockSkew(r *record) {
	forms := []clockForm{{clocks: []time.Duration{0, 40 * time.Second, -40 * time.Second}}}
	if r.long {
		forms = append(forms,
			clockForm{clocks: []time.Duration{0, 0, 35 * time.Second}},
			clockForm{clocks: []time.Duration{0, 0, 0}, later: []time.Duration{0, -35 * time.Second, 35 * time.Second}})
	}
	r.chats, r.subscribers, r.rate = 10, 60, 100
	r.Fault = fmt.Sprintf("clocks of the three instances ahead by %v; every %d ms a feed or a stream is disconnected and resumed at the next instance, over each carrier", forms, disconnectPause.Milliseconds())
	for _, form := range forms {
		before := r.Line
		skewed(r, form)
		r.Committed, r.Delivered, r.Lost = r.Committed+before.Committed, r.Delivered+before.Delivered, r.Lost+before.Lost
		r.Duplicates, r.Gaps, r.Resets = r.Duplicates+before.Duplicates, r.Gaps+before.Gaps, r.Resets+before.Resets
		r.P50, r.P99 = max(r.P50, before.P50), max(r.P99, before.P99)
	}
}

// skewed runs one form.
func skewed(r *record, form clockForm) {
	w := newWorld(r, setting{clocks: form.clocks})
	w.showClocks(r, form.clocks)
	l := w.newTraffic(r)
	l.addFeeds(8)
	l.everyCarrier()
	l.start()
	p := newClockProbe(r, w)
	l.disconnectRandomly(4 * r.calm)
	if form.later != nil {
		for n, i := range w.instances {
			i.clock.ahead(form.later[n])
		}
		w.showClocks(r, form.later)
		l.disconnectRandomly(4 * r.calm)
	}
	p.end()
	l.judge()
	p.report(form)
	for _, i := range w.instances {
		i.kill()
	}
}

// showClocks verifies that the servers' clocks are wrong: without the fault the check proves nothing.
func (w *world) showClocks(r *record, ahead []time.Duration) {
	r.Helper()
	var shown []string
	ok := true
	for n, i := range w.instances {
		date, err := i.date(w.client)
		r.must(err)
		off := time.Until(date).Round(time.Second)
		ok = ok && (off-ahead[n]).Abs() <= 2*time.Second
		shown = append(shown, off.String())
	}
	r.limit(ok, "the servers' clocks are ahead by %v", shown)
}

// disconnectRandomly disconnects random feeds and streams.
func (l *traffic) disconnectRandomly(duration time.Duration) {
	all := slices.Concat(l.feeds, l.subscribers)
	for began := time.Now(); time.Since(began) < duration; pause(disconnectPause) {
		all[rand.IntN(len(all))].disconnect()
	}
}

// clockProbe queries every instance for results that depend on time.
type clockProbe struct {
	r     *record
	w     *world
	chats []string // the one with the newest message first
	stop  context.CancelFunc
	doing sync.WaitGroup

	lists, disordered int
	off               time.Duration // largest distance between createdAt and the sending
	fresh, refused    int           // tokens
	ended, accepted   int
	problems          []string
}

const orderly = "orderly"

func newClockProbe(r *record, w *world) *clockProbe {
	r.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &clockProbe{r: r, w: w, stop: stop}
	r.Cleanup(p.end)
	for range listed {
		id := db.NewID()
		w.must(orderly, createChat, vars{"id": id, "title": "In order"}, nil)
		p.chats = slices.Insert(p.chats, 0, id)
	}
	p.doing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			p.order()
			p.tokens(n)
			pause(50 * time.Millisecond)
		}
	})
	return p
}

func (p *clockProbe) end() {
	p.stop()
	p.doing.Wait()
}

func (p *clockProbe) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

const sendStamped = `mutation ($chat: ID!) { sendMessage(input: {chatId: $chat, content: "now"}) { message { createdAt } } }`

// order sends a message to one of the chats. That chat must then be the first of the list at every instance.
func (p *clockProbe) order() {
	at, n := rand.IntN(len(p.w.instances)), rand.IntN(len(p.chats))
	chat := p.chats[n]
	var answer struct {
		SendMessage struct{ Message struct{ CreatedAt time.Time } }
	}
	began := time.Now()
	err := post(p.r.Context(), p.w.client, p.w.instances[at], orderly, sendStamped, vars{"chat": chat}, &answer)
	if err != nil {
		p.problem("send at instance %d: %v", at, err)
		return
	}
	p.off = max(p.off, outside(answer.SendMessage.Message.CreatedAt, began, time.Now()))
	p.chats = slices.Insert(slices.Delete(p.chats, n, n+1), 0, chat)
	for n, i := range p.w.instances {
		var list struct {
			Chats struct {
				Edges []struct{ Node struct{ ID string } }
			}
		}
		if err := post(p.r.Context(), p.w.client, i, orderly, listChats, nil, &list); err != nil {
			p.problem("list at instance %d: %v", n, err)
			continue
		}
		var got []string
		for _, edge := range list.Chats.Edges {
			got = append(got, edge.Node.ID)
		}
		p.lists++
		if !slices.Equal(got, p.chats) {
			p.disordered++
			p.problem("instance %d, after a send at instance %d, lists %v, want %v", n, at, got, p.chats)
		}
	}
}

// outside returns the distance of a time from a span.
func outside(at, from, to time.Time) time.Duration {
	return max(0, from.Sub(at), at.Sub(to))
}

// tokens presents a token that was just issued and an expired one to every instance, by a query and by a stream.
func (p *clockProbe) tokens(n int) {
	now := time.Now()
	fresh, ended := fmt.Sprintf("fresh-%d", n), fmt.Sprintf("ended-%d", n)
	mint(fresh, now, now.Add(tokenLife))
	mint(ended, now.Add(-tokenPast-tokenLife), now.Add(-tokenPast))
	for at, i := range p.w.instances {
		p.fresh += 2
		if err := post(p.r.Context(), p.w.client, i, fresh, listChats, nil, nil); err != nil {
			p.refused++
			p.problem("a fresh token at instance %d: %v", at, err)
		}
		if err := p.opens(i, carrier(n)%carriers, fresh); err != nil {
			p.refused++
			p.problem("a fresh token at instance %d over %s: %v", at, carrier(n)%carriers, err)
		}
		p.ended++
		if err := post(p.r.Context(), p.w.client, i, ended, listChats, nil, nil); codeOf(err) != "UNAUTHENTICATED" {
			p.accepted++
			p.problem("a token that has ended, at instance %d: %v", at, err)
		}
	}
}

// mint stores a token for the user. Its times are whole seconds, as in every token.
func mint(user string, issued, expires time.Time) {
	tokens.Store(user, sign(jwt.MapClaims{"sub": user, "iat": issued.Unix(), "nbf": issued.Unix(), "exp": expires.Unix()}))
}

// opens subscribes to the user's feed.
func (p *clockProbe) opens(i *instance, over carrier, user string) error {
	ctx, cancel := context.WithTimeout(p.r.Context(), 10*time.Second)
	defer cancel()
	s, err := over.open(ctx, p.w.client, i, user, "", "")
	if err != nil {
		return err
	}
	defer s.close()
	f, err := s.read(ctx)
	if err == nil {
		_, err = f.decode()
	}
	return err
}

func (p *clockProbe) report(form clockForm) {
	for _, problem := range p.problems[:min(10, len(p.problems))] {
		p.r.Log(problem)
	}
	p.r.limit(p.lists > 0 && p.disordered == 0, "%v: %d lists of chats, %d in another order than the messages were sent in", form, p.lists, p.disordered)
	p.r.limit(p.off <= mostOff, "%v: a message's createdAt is at most %.1f s from when it was sent, limit %.0f s", form, p.off.Seconds(), mostOff.Seconds())
	p.r.limit(p.fresh > 0 && p.refused == 0, "%v: %d times a token just issued for %.0f s, %d refused", form, p.fresh, tokenLife.Seconds(), p.refused)
	p.r.limit(p.ended > 0 && p.accepted == 0, "%v: %d times a token that had ended %.0f s before, %d accepted", form, p.ended, tokenPast.Seconds(), p.accepted)
}
