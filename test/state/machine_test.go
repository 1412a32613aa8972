package state

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/db/cache"
)

// kind is which faults of Redis a run has. All else happens in every run.
type kind uint64

const (
	lossy  kind = iota // requests are late or lost, one at a time: everything is linearizable
	killed             // it dies and comes back empty, or is flushed: no read is stale
	frozen             // it hangs: no read is stale, but in the two seconds after it goes on
	parted             // one instance does not reach it: no read is stale by more than two seconds
	numberOfKinds
)

func (k kind) String() string { return [...]string{"lossy", "killed", "frozen", "parted"}[k] }

// run is one run of the machine.
type run struct {
	seed   uint64
	kind   kind
	world  world
	parts  parts
	faults *faults
	hist   *history
	log    *slog.Logger
	behind redis.UniversalClient
	booted uint64
	only   string                  // what writers do, if not everything
	churn  bool                    // members come and go all the time
	long   float64                 // how many of the writes take long
	pace   time.Duration           // how many times slower than usual everything happens, where feeds or partitions need time
	filter func(db.Pulse) db.Pulse // for controls: what instances hear of the others; nil: all

	mu        sync.Mutex
	instances []*instance
	favourite *instance // where most writes are made, if set
	chats     []string  // those that are written to
	sent      []*db.Message
	titles    int
	stats     cache.Stats
}

// The users. eve is never a member of a chat.
var (
	users    = []string{"ann", "bob", "cat", "eve"}
	owner    = users[0]
	visitors = users[1:3]
	audience = []string{"ann", "ann", "bob", "bob", "cat", "cat", "eve"} // of streams
)

const (
	writers     = 4
	writes      = 16 // of each
	readers     = 4
	readsEach   = 22
	subscribers = 8
	feeders     = 3
	slowPace    = 20 // of every fourth run: it lasts longer than a feed's cursor reaches back
)

func newRun(seed uint64, w world, p parts) *run {
	r := &run{
		churn: seed/uint64(numberOfKinds)%4 == 2,
		seed:  seed, world: w, parts: p, hist: newHistory(),
		faults: &faults{unit: w.unit()}, log: slog.New(slog.DiscardHandler),
	}
	r.become(kind(seed % uint64(numberOfKinds)))
	if r.kind != parted && seed/uint64(numberOfKinds)%4 == 3 && w.memory() {
		r.pace, r.long = slowPace, .05
	}
	return r
}

func (r *run) become(k kind) {
	r.kind, r.pace, r.hist.grace = k, 1, 0
	if k == parted {
		r.pace, r.hist.grace = 12, mostStale
	}
}

// play runs the machine from the start of three instances to the calm in which every stream must have caught up.
func (r *run) play() {
	r.behind = r.world.client()
	d := newDice(r.seed, 0)
	for range 3 {
		r.instances = append(r.instances, r.boot())
		if !r.world.memory() {
			_ = pause(context.Background(), d.upTo(db.PulseEvery)) // their pulses are not in step
		}
	}
	chats := 2
	if r.kind == parted { // rarely enough that what others write is seen
		chats = 6
	}
	for range chats {
		r.createChat(d)
		for _, user := range visitors {
			r.addMember(d, r.chats[len(r.chats)-1], user)
		}
	}
	var writing, reading, following sync.WaitGroup
	for i := range writers {
		writing.Go(func() { r.writeForAWhile(newDice(r.seed, uint64(10+i))) })
	}
	for i := range readers {
		reading.Go(func() { r.readForAWhile(newDice(r.seed, uint64(20+i))) })
	}
	for i := range subscribers {
		following.Go(func() { r.follow(newDice(r.seed, uint64(30+i))) })
	}
	if _, ok := r.instances[0].streams.(feeds); ok {
		for i := range feeders {
			following.Go(func() { r.followFeed(newDice(r.seed, uint64(60+i))) })
		}
	}
	over := make(chan struct{})
	go func() {
		writing.Wait()
		reading.Wait()
		close(over)
	}()
	r.shake(newDice(r.seed, 40), over)
	<-over
	r.faults.calm.Store(true)
	following.Wait()
	r.finish()
}

// finish reads what is known only at the end, and stops everything.
func (r *run) finish() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	heads, err := r.instances[0].store.Heads(ctx, r.hist.order)
	if err != nil || len(heads) != len(r.hist.order) {
		r.hist.problem("the last heads: %d of %d, %v", len(heads), len(r.hist.order), err)
	}
	for _, head := range heads {
		c := r.hist.chat(head.ChatID)
		c.floor = head.FloorSeq
		if c.head != head.HeadSeq {
			r.hist.problem("%s ends at %d, and %d is known", name(head.ChatID), head.HeadSeq, c.head)
		}
	}
	r.faults.tasks.Wait()
	for _, in := range r.instances {
		in.ops.Wait()
		in.stop()
	}
	_ = r.behind.Close()
	r.world.close()
}

// count adds up what caches have done, to see that a run tested something.
func (r *run) count(s cache.Stats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Hits += s.Hits
	r.stats.Decodes += s.Decodes
	r.stats.Fills += s.Fills
	r.stats.ForeignWaits += s.ForeignWaits
	r.stats.RefusedFills += s.RefusedFills
	r.stats.DeletedLate += s.DeletedLate
	r.stats.TooOld += s.TooOld
}

// report fails the test for a run that broke a promise, with all that is needed to play it again.
func (r *run) report(t *testing.T, problems []string) {
	t.Helper()
	for i, p := range problems {
		if i == 10 {
			t.Errorf("and %d more", len(problems)-i)
			break
		}
		t.Error(p)
	}
	if len(problems) > 0 {
		t.Logf("to play it again: STATE_SEED=%d go test -count=1 -run '%s' ./statetest (%s Redis)\nlast actions:\n%s",
			r.seed, t.Name(), r.kind, r.hist.lastActions())
	}
}

// shake makes instances, Redis and the database fail, until over.
func (r *run) shake(d *dice, over chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-over
		cancel()
	}()
	unit := r.faults.unit
	if r.kind != parted { // then all others are slow
		unit *= r.pace
	}
	for pause(ctx, 100*unit+d.upTo(600*unit)) == nil {
		switch p := d.n(10); {
		case p < 2 && r.kind != frozen: // what a crashed instance could not delete in a Redis that hung would stay
			i := d.n(len(r.instances))
			r.hist.note("instance %d crashes", i)
			r.crash(i)
		case p < 3:
			r.raiseEpoch()
		case p < 5:
			if r.only == "" {
				r.prune(d)
			}
		case r.kind == killed:
			r.killRedis(ctx, d)
		case r.kind == frozen:
			r.freezeRedis(ctx, d)
		case r.kind == parted:
			r.part(ctx, d)
		}
	}
}

// raiseEpoch does not wait on real servers, where that takes seconds.
func (r *run) raiseEpoch() {
	r.hist.note("the epoch rises")
	bump := func() {
		if err := r.world.bumpEpoch(context.Background()); err != nil {
			r.hist.problem("bump: %v", err)
		}
		r.hist.note("the epoch has risen")
	}
	if r.world.memory() {
		bump()
	} else {
		r.faults.tasks.Go(bump)
	}
}

func (r *run) prune(d *dice) {
	in, done := r.pick(d)
	defer done()
	chat := r.someChat(d)
	floor := int64(d.n(int(r.hist.head(chat)) + 1))
	r.hist.note("prune %s up to %d", name(chat), floor)
	if err := in.store.prune(new(fate).in(context.Background()), chat, floor); err != nil {
		r.hist.problem("prune: %v", err)
	}
}

func (r *run) killRedis(ctx context.Context, d *dice) {
	if d.chance(.3) {
		r.hist.note("FLUSHALL")
		if err := r.world.redis().flush(); err != nil {
			r.hist.problem("flush: %v", err)
		}
		return
	}
	r.hist.note("Redis is killed")
	r.world.redis().Kill()
	_ = pause(ctx, d.upTo(1500*r.faults.unit))
	r.world.redis().Restart()
	r.hist.note("Redis is back, empty")
}

func (r *run) freezeRedis(ctx context.Context, d *dice) {
	r.hist.note("Redis hangs")
	from := time.Now()
	r.world.redis().Pause()
	_ = pause(ctx, d.upTo(1500*r.faults.unit))
	r.world.redis().Resume()
	r.hist.note("Redis goes on")
	r.hist.excuse(from, time.Now().Add(2*time.Second))
}

func (r *run) someChat(d *dice) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return oneOf(d, r.chats)
}

func (r *run) readForAWhile(d *dice) {
	for range readsEach {
		_ = pause(context.Background(), d.upTo(120*r.faults.unit*r.pace))
		viewer, chat := oneOf(d, users), r.someChat(d)
		if d.chance(.4) {
			r.readList(d, viewer)
		} else {
			_ = r.readChat(d, viewer, chat)
		}
	}
}

// readChat reads a chat through the cache of some instance, and returns it if it is there.
func (r *run) readChat(d *dice, viewer, chatID string) *db.Chat {
	in, done := r.pick(d)
	defer done()
	op := r.hist.begin("Chat", chatID, viewer)
	chat, err := in.repo.Chat(context.Background(), viewer, chatID)
	if err != nil && db.CodeOf(err) != db.CodeNotFound {
		r.hist.problem("Chat: %v", err)
		return nil
	}
	r.hist.end(op, chat)
	r.hist.note("%s reads %s: %d", viewer, name(chatID), versionOf(chat))
	return chat
}

func versionOf(chat *db.Chat) int64 {
	if chat == nil {
		return 0
	}
	return chat.HeadSeq
}

// readList reads the list of chats, and records it as a read of each of the chats.
func (r *run) readList(d *dice, viewer string) {
	in, done := r.pick(d)
	defer done()
	r.mu.Lock()
	var ops []read
	for _, id := range r.chats {
		ops = append(ops, r.hist.begin("Chats", id, viewer))
	}
	r.mu.Unlock()
	list, err := in.repo.Chats(context.Background(), viewer, nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		r.hist.problem("Chats: %v", err)
		return
	}
	found := map[string]*db.Chat{}
	for _, chat := range list.Chats {
		found[chat.ID] = chat
	}
	for _, op := range ops {
		r.hist.end(op, found[op.chat])
	}
	r.hist.note("%s lists %d chats", viewer, len(list.Chats))
}

func (r *run) uniqueTitle() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.titles++
	return fmt.Sprintf("text %d", r.titles)
}
