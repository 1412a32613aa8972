package torture

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"studychat/db"
)

const (
	databaseAway = 25 * time.Millisecond // each way
	rejoinWait   = 3 * time.Minute       // for the event acknowledged last
)

// rejoin removes members and adds them again while their feeds poll, deletes chats that were just joined, and then
// repeats both without pauses, also on one instance with SQLite. Every event of a membership must be delivered: first
// the member's own MemberAdded, then the others in order, up to the removal.
func rejoin(r *record) {
	w := newWorld(r, setting{})
	far := w.another("DATABASE_URL="+farDatabase(r, w.dsn), "REDIS_URL="+w.redis.URL())
	r.Fault = fmt.Sprintf("%d feeds over each carrier at an instance that is %s from its database: removed from a chat, added to another, and 60 to 300 ms later added again, %d times each, and a new chat deleted at once; then %d times without a pause, there and on SQLite", r.rejoiners, 2*databaseAway, r.rejoins, r.rejoins)
	w.rejoins(r, "far from the database", far, func(p *rejoiner) {
		for range r.rejoins {
			p.rejoin(60*time.Millisecond + rand.N(240*time.Millisecond))
			p.deleted()
		}
	})
	w.rejoins(r, "without a pause", w.instances[0], func(p *rejoiner) { p.churn(r.rejoins) })
	w.instances = []*instance{w.another("DATABASE_URL=sqlite:" + filepath.Join(r.TempDir(), "rejoin.db"))}
	w.rejoins(r, "without a pause, SQLite", w.instances[0], func(p *rejoiner) { p.churn(r.rejoins) })
}

// another starts a server beside the three.
func (w *world) another(settings ...string) *instance {
	w.t.Helper()
	i := &instance{t: w.t, settings: slices.Concat(settings, authSettings)}
	w.t.Cleanup(i.kill)
	i.start()
	return i
}

// rejoins makes users follow their feeds at the instance while others change their memberships.
func (w *world) rejoins(r *record, what string, at *instance, do func(p *rejoiner)) {
	r.Helper()
	all := make([]*rejoiner, r.rejoiners*int(carriers))
	var running sync.WaitGroup
	for n := range all {
		all[n] = &rejoiner{w: w, at: at, over: carrier(n) % carriers, user: db.NewID(), owner: db.NewID(), want: map[string][]delivered{}, got: map[string][]delivered{}}
		running.Go(func() { all[n].run(r.Context(), do) })
	}
	running.Wait()
	var v verdict
	memberships := 0
	for _, p := range all {
		memberships += p.memberships
		v.add(p.judge())
	}
	for _, problem := range v.problems[:min(10, len(v.problems))] {
		r.Log(problem)
	}
	r.Committed, r.Delivered, r.Lost, r.Gaps, r.Resets = r.Committed+v.due, r.Delivered+v.got, r.Lost+v.lost, r.Gaps+v.gaps, r.Resets+v.resets
	r.limit(v.clean() && v.due > 0, "%s: %d memberships with %d events, %d lost, %d out of order or from outside a membership, %d resets", what, memberships, v.due, v.lost, v.gaps+v.foreign, v.resets)
}

// delivered is an event that a feed delivered.
type delivered struct {
	seq  int64
	kind string
}

// rejoiner is a user whose feed is followed while somebody else removes and adds them.
type rejoiner struct {
	w           *world
	at          *instance
	over        carrier
	user, owner string
	memberships int
	want        map[string][]delivered
	problem     error // of the writer

	mu     sync.Mutex
	got    map[string][]delivered
	resets []string // chats
	broken error
}

func (p *rejoiner) run(ctx context.Context, do func(p *rejoiner)) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // on a busy machine each of a thousand requests takes long
	defer cancel()
	s, err := p.over.open(ctx, p.w.client, p.at, p.user, "", "")
	if err == nil {
		_, err = nextFrame(ctx, s) // StreamStarted
	}
	if err != nil {
		p.problem = err
		return
	}
	var reading sync.WaitGroup
	reading.Go(func() { p.read(ctx, s) })
	do(p)
	until(rejoinWait, func() bool { return p.complete() || ctx.Err() != nil })
	pause(100 * time.Millisecond) // for an event that must not come
	s.close()
	cancel()
	reading.Wait()
}

func (p *rejoiner) read(ctx context.Context, s subscription) {
	for {
		f, err := s.read(ctx)
		if err != nil {
			return
		}
		e, err := f.decode()
		p.mu.Lock()
		switch {
		case err != nil:
			p.broken = err
		case e.Kind == "StreamReset":
			p.resets = append(p.resets, e.ResetOf)
		case e.durable():
			p.got[e.ChatID] = append(p.got[e.ChatID], delivered{e.Seq, e.Kind})
		}
		p.mu.Unlock()
	}
}

func (p *rejoiner) complete() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for chat, want := range p.want {
		if !slices.Contains(p.got[chat], want[len(want)-1]) {
			return false
		}
	}
	return true
}

// write runs a mutation of the owner at some instance. Only the owner writes to these chats, so the cursor in the
// answer gives the number.
func (p *rejoiner) write(document string, v vars) (seq int64) {
	if p.problem != nil {
		return 0
	}
	var answer map[string]struct {
		Chat    struct{ EventCursor string }
		Message struct{ Seq int64 }
	}
	p.problem = post(p.w.t.Context(), p.w.client, p.w.instances[rand.IntN(len(p.w.instances))], p.owner, document, v, &answer)
	for _, payload := range answer {
		if seq = payload.Message.Seq; seq == 0 && p.problem == nil && payload.Chat.EventCursor != "" {
			seq, p.problem = seqOf(payload.Chat.EventCursor)
		}
	}
	return seq
}

func (p *rejoiner) create() (chat string) {
	chat = db.NewID()
	p.write(createChat, vars{"id": chat, "title": "Torture"})
	return chat
}

func (p *rejoiner) add(chat string) {
	p.memberships++
	p.owes(chat, "MemberAdded", p.write(addMember, vars{"chat": chat, "user": p.user}))
}

func (p *rejoiner) remove(chat string) {
	p.owes(chat, "MemberRemoved", p.write(dropMember, vars{"chat": chat, "user": p.user}))
}

// send sends a message, which the user must receive if they are a member.
func (p *rejoiner) send(chat string, member bool) {
	if seq := p.write(sendMessage, vars{"chat": chat, "content": "hi"}); member {
		p.owes(chat, "MessageSent", seq)
	}
}

func (p *rejoiner) owes(chat, kind string, seq int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.want[chat] = append(p.want[chat], delivered{seq, kind})
}

// rejoin moves the user to another chat and back.
func (p *rejoiner) rejoin(wait time.Duration) {
	one, two := p.create(), p.create()
	p.add(one)
	p.send(one, true)
	pause(200 * time.Millisecond) // until it is delivered
	p.remove(one)
	p.send(one, false)
	p.add(two)
	pause(wait)
	p.add(one)
	p.send(one, true)
}

// deleted deletes a chat that the user has just joined.
func (p *rejoiner) deleted() {
	chat := p.create()
	joined := p.write(addMember, vars{"chat": chat, "user": p.user})
	p.memberships++
	pause(rand.N(150 * time.Millisecond))
	p.write(deleteChat, vars{"id": chat})
	p.owes(chat, "ChatDeleted", joined+1)
}

// churn adds and removes the user as fast as the owner can request it.
func (p *rejoiner) churn(times int) {
	chat := p.create()
	for range times {
		p.add(chat)
		p.send(chat, true)
		p.remove(chat)
		p.send(chat, false)
	}
	p.add(chat)
	p.send(chat, true)
}

// judge compares the delivered events with the acknowledged ones. A chat that was deleted at once may show MemberAdded,
// or a reset of that chat.
func (p *rejoiner) judge() (v verdict) {
	if err := cmp.Or(p.problem, p.broken); err != nil {
		v.object(&v.lost, "%s: %v", p.user, err)
	}
	for _, chat := range p.resets {
		if want := p.want[chat]; len(want) == 0 || want[len(want)-1].kind != "ChatDeleted" {
			v.object(&v.resets, "%s over %s: a reset of %q", p.user, p.over, chat)
		}
	}
	for chat, want := range p.want {
		got := p.got[chat]
		v.due += len(want)
		for _, e := range want {
			if slices.Contains(got, e) {
				v.got++
			} else {
				v.object(&v.lost, "%s over %s: number %d of %s, a %s, was not delivered", p.user, p.over, e.seq, chat, e.kind)
			}
		}
		for n, e := range got {
			switch {
			case n > 0 && e.seq <= got[n-1].seq, n > 0 && got[n-1].kind == "MemberRemoved" && e.kind != "MemberAdded":
				v.object(&v.gaps, "%s over %s: after %v of %s follows %v", p.user, p.over, got[n-1], chat, e)
			case n == 0 && e.kind != "MemberAdded" && e.kind != "ChatDeleted":
				v.object(&v.gaps, "%s over %s: %s begins with %v", p.user, p.over, chat, e)
			case !slices.Contains(want, e) && want[len(want)-1].kind != "ChatDeleted":
				v.object(&v.foreign, "%s over %s: unexpected %v of %s", p.user, p.over, e, chat)
			}
		}
	}
	return v
}

// farDatabase returns the DSN of the database behind a line with a delay.
func farDatabase(r *record, dsn string) string {
	r.Helper()
	near, err := url.Parse(dsn)
	r.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	line := &longLine{to: near.Host, conns: map[net.Conn]bool{}}
	line.running.Go(func() { line.accept(listener) })
	r.Cleanup(func() {
		_ = listener.Close()
		line.close()
	})
	near.Host = listener.Addr().String()
	return near.String()
}

// longLine forwards every byte with a delay.
type longLine struct {
	to      string
	running sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	over  bool
}

func (l *longLine) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", l.to)
		if err != nil || !l.keep(near, far) {
			_ = near.Close()
			continue
		}
		l.running.Go(func() { carry(near, far) })
		l.running.Go(func() { carry(far, near) })
	}
}

func (l *longLine) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range conns {
		if l.over {
			_ = conn.Close()
		}
		l.conns[conn] = true
	}
	return !l.over
}

func (l *longLine) close() {
	l.mu.Lock()
	l.over = true
	for conn := range l.conns {
		_ = conn.Close()
	}
	l.mu.Unlock()
	l.running.Wait()
}

// carry forwards bytes in one direction. Each chunk waits for its own time, however many are in flight.
func carry(from, to net.Conn) {
	type piece struct {
		bytes []byte
		due   time.Time
	}
	way := make(chan piece, 256)
	var writing sync.WaitGroup
	writing.Go(func() {
		defer func() { _ = to.Close() }()
		for p := range way {
			pause(time.Until(p.due))
			if _, err := to.Write(p.bytes); err != nil {
				_ = from.Close() // ends the reading, which closes the queue
			}
		}
	})
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			way <- piece{buffer[:n], time.Now().Add(databaseAway)}
		}
		if err != nil {
			close(way)
			writing.Wait()
			return
		}
	}
}
