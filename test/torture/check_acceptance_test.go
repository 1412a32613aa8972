package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"studychat/db"
)

const (
	accepted      = 60 // subscriptions over each carrier, at each distance
	naiveAccepted = 20
	far           = 10 * time.Millisecond // to the database, each way
	acceptors     = 4                     // at a time, over each carrier
	silentFor     = 13 * time.Second      // longer than the interval of keep-alives on an event stream
)

// acceptance sends an event as soon as a client may consider its subscription accepted: at the headers of Server-Sent
// Events, the 202 of single connection mode, or the pong to a ping sent after the subscription. From then on the client
// relies on getting the event.
func acceptance(r *record) {
	r.Fault = fmt.Sprintf("%d subscriptions over each carrier, alternately to a chat and to the feed, without a cursor, the database near the instance and %d ms away each way; another instance gets an event as soon as the headers, the 202 or a pong arrive", accepted, far.Milliseconds())
	r.Load = fmt.Sprintf("%d subscribers for each carrier", acceptors)
	w := newWorld(r, setting{distant: true})
	all := newAcceptors(w, "acceptor", acceptors)
	for _, distance := range []time.Duration{0, far} {
		w.databases[0].delay(distance)
		for over := range carriers {
			v := acceptEach(all, over, accepted, (*acceptor).accept)
			r.accepted(v, 2*accepted, fmt.Sprintf("%s, the database %d ms away each way", over, distance.Milliseconds()))
		}
	}
	if r.long {
		acceptSilent(r, w)
	}
	naive := acceptEach(all, overSocket, naiveAccepted, (*acceptor).early)
	r.limit(naive.lost == naiveAccepted, "control, sent before the subscription: the validator finds %d of %d events missed", naive.lost, naiveAccepted)
}

// accepted adds the verdict to the line.
func (r *record) accepted(v verdict, due int, what string) {
	r.Helper()
	r.Committed, r.Delivered, r.Lost, r.Gaps, r.Resets = r.Committed+v.due, r.Delivered+v.got, r.Lost+v.lost, r.Gaps+v.gaps, r.Resets+v.resets
	for _, problem := range v.problems[:min(5, len(v.problems))] {
		r.Log(problem)
	}
	r.limit(v.clean() && v.due == due, "%s: of %d events, every second one sent at the acceptance, %d were missed; %d streams failed", what, v.due, v.lost, v.starts)
}

// acceptSilent subscribes while the instance's database is silent for longer than the interval of keep-alives.
func acceptSilent(r *record, w *world) {
	r.Helper()
	r.Fault += fmt.Sprintf("; the database silent for %.0f s while subscriptions begin", silentFor.Seconds())
	var all [carriers][]*acceptor
	for over := range carriers {
		all[over] = newAcceptors(w, fmt.Sprintf("patient-%d", over), 2)
	}
	line := w.databases[0]
	line.delay(0)
	line.freeze()
	thawing := time.AfterFunc(silentFor, line.thaw)
	defer thawing.Stop()
	var v [carriers]verdict
	var running sync.WaitGroup
	for over := range carriers {
		running.Go(func() { v[over] = acceptEach(all[over], over, 2, (*acceptor).accept) })
	}
	running.Wait()
	for over := range carriers {
		r.accepted(v[over], 4, fmt.Sprintf("%s, the database silent", over))
	}
}

// acceptor subscribes repeatedly.
type acceptor struct {
	w    *world
	user string
	chat string
	over carrier
	verdict
}

func newAcceptors(w *world, name string, count int) []*acceptor {
	w.t.Helper()
	all := make([]*acceptor, count)
	for n := range all {
		all[n] = &acceptor{w: w, user: fmt.Sprintf("%s-%d", name, n), chat: db.NewID()}
		w.must(all[n].user, createChat, vars{"id": all[n].chat, "title": "Accepted"}, nil)
	}
	return all
}

// acceptEach spreads the rounds over all acceptors and returns their verdict. Every second round is about the feed.
func acceptEach(all []*acceptor, over carrier, count int, round func(a *acceptor, ctx context.Context, feed bool) error) verdict {
	var v verdict
	var running sync.WaitGroup
	for k, a := range all {
		a.over, a.verdict = over, verdict{}
		running.Go(func() {
			for n := k; n < count; n += len(all) {
				ctx, cancel := context.WithTimeout(a.w.t.Context(), 2*silentFor)
				if err := round(a, ctx, (k+n/len(all))%2 == 1); err != nil {
					a.object(&a.starts, "%s over %s: %v", a.user, over, err)
				}
				cancel()
			}
		})
	}
	running.Wait()
	for _, a := range all {
		v.add(a.verdict)
	}
	return v
}

// accept performs one round.
func (a *acceptor) accept(ctx context.Context, feed bool) error {
	chat := a.chat
	if feed {
		chat = ""
	}
	s, err := a.open(ctx, chat)
	for err != nil && ctx.Err() == nil { // not accepted: clients try again
		pause(100 * time.Millisecond)
		s, err = a.open(ctx, chat)
	}
	if err != nil {
		return err
	}
	defer s.close()
	return a.follow(ctx, s, chat, nil)
}

// early sends the first event before it subscribes. It is the control.
func (a *acceptor) early(ctx context.Context, _ bool) error {
	seq, err := a.send(ctx)
	if err != nil {
		return err
	}
	s, err := a.open(ctx, a.chat)
	if err != nil {
		return err
	}
	defer s.close()
	return a.follow(ctx, s, a.chat, []int64{seq})
}

// open returns as soon as a client may consider the subscription accepted.
func (a *acceptor) open(ctx context.Context, chat string) (subscription, error) {
	s, err := a.over.open(ctx, a.w.client, a.w.instances[0], a.user, chat, "")
	if err != nil || a.over != overSocket {
		return s, err
	}
	p := &ponged{socket: s.(*socket)}
	if err := p.await(ctx); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// ponged is a socket whose server has answered a ping, with the frames that came before the pong.
type ponged struct {
	*socket
	before []frame
}

func (p *ponged) await(ctx context.Context) error {
	if err := p.write(ctx, frame{Type: "ping"}, nil); err != nil {
		return err
	}
	for {
		f, err := p.socket.read(ctx)
		if err != nil || f.Type == "pong" {
			return err
		}
		p.before = append(p.before, f)
	}
}

func (p *ponged) read(ctx context.Context) (frame, error) {
	if len(p.before) > 0 {
		f := p.before[0]
		p.before = p.before[1:]
		return f, nil
	}
	return p.socket.read(ctx)
}

// follow sends an event, unless one was sent already, and another one when the stream has begun. It reads up to the
// second.
func (a *acceptor) follow(ctx context.Context, s subscription, chat string, sent []int64) error {
	if len(sent) == 0 {
		seq, err := a.send(ctx)
		if err != nil {
			return err
		}
		sent = append(sent, seq)
	}
	var got []received
	for len(sent) < 2 || !came(got, sent[1]) {
		f, err := s.read(ctx)
		if err != nil {
			return err
		}
		if f.Type == "complete" {
			return errors.New("the stream was completed")
		}
		e, err := f.decode()
		if err != nil {
			return err
		}
		got = append(got, received{event: e})
		if len(sent) == 1 { // the stream has begun
			seq, err := a.send(ctx)
			if err != nil {
				return err
			}
			sent = append(sent, seq)
		}
	}
	a.add(judgeCut(a.user, a.chat, "", chat != "", sent, got))
	return nil
}

func came(got []received, seq int64) bool {
	for _, e := range got {
		if e.Seq == seq {
			return true
		}
	}
	return false
}

func (a *acceptor) send(ctx context.Context) (seq int64, err error) {
	var answer sent
	i := a.w.instances[1+rand.IntN(2)] // these two are near the database
	err = post(ctx, a.w.client, i, a.user, sendMessage, vars{"chat": a.chat, "content": "accepted"}, &answer)
	return answer.SendMessage.Message.Seq, err
}
