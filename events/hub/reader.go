package hub

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

// Bounds of what the hub asks of the database.
const (
	readTimeout = 5 * time.Second // one statement
	readSlots   = 16              // concurrent reads: a crowd that connects or leaves must not take all connections
)

// reader is what topics and streams share to read the database, and to run until the hub stops.
type reader struct {
	repo  db.EventReads
	log   *slog.Logger
	stats delivery.Stats
	trace func(writer, kind, path string, took time.Duration, connections int) // nil: deliveries are not traced

	ctx    context.Context // ends with stop
	cancel context.CancelFunc

	mu    sync.Mutex     // after any topic's lock; held when ctx is ended
	tasks sync.WaitGroup // see begin

	reads singleflight.Group
	slots chan struct{}
}

func newReader(repo db.EventReads, log *slog.Logger) *reader {
	ctx, cancel := context.WithCancel(context.Background())
	return &reader{repo: repo, log: log, ctx: ctx, cancel: cancel, slots: make(chan struct{}, readSlots)}
}

// stop ends all streams and waits for all goroutines of the hub. It is idempotent.
func (r *reader) stop() {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	r.tasks.Wait()
}

// begin registers a goroutine that stop waits for. It returns false after stop; else the goroutine must call done.
func (r *reader) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	r.tasks.Add(1)
	return true
}

// later runs do on a goroutine that stop waits for; after stop, at once.
func (r *reader) later(do func()) {
	if !r.begin() {
		do()
		return
	}
	go func() {
		defer r.done()
		do()
	}()
}

func (r *reader) done() { r.tasks.Done() }

// readLog reads a stretch of a chat's log. The number of concurrent reads is limited.
func (r *reader) readLog(ctx context.Context, chatID string, after int64) (*db.Log, error) {
	release, err := r.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return within(ctx, func(ctx context.Context) (*db.Log, error) { return r.repo.Log(ctx, chatID, after, readLimit) })
}

// within makes one statement with its deadline.
func within[T any](ctx context.Context, read func(ctx context.Context) (T, error)) (found T, err error) {
	err = db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		found, err = read(ctx)
		return err
	})
	return found, err
}

// slot waits until one more concurrent read is allowed.
func (r *reader) slot(ctx context.Context) (release func(), err error) {
	select {
	case r.slots <- struct{}{}:
		return func() { <-r.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readShared is readLog for followers. Followers at the same place share one read, as a crowd that reconnects does. The read goes
// on when one of its callers gives up.
func (r *reader) readShared(ctx context.Context, chatID string, after int64) (*db.Log, error) {
	done := r.reads.DoChan(chatID+" "+strconv.FormatInt(after, 10), func() (any, error) {
		if !r.begin() {
			return nil, events.ErrStopped
		}
		defer r.done()
		return r.readLog(r.ctx, chatID, after)
	})
	select {
	case result := <-done:
		log, _ := result.Val.(*db.Log)
		return log, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// count counts an event that n connections got.
func (r *reader) count(event *db.Event, path delivery.Path, n int) {
	kind := string(event.Kind)
	if event.Kind.Row() == (db.KindRow{}) {
		kind = "UNKNOWN" // of a newer instance
	}
	took := r.repo.Now().Sub(event.At)
	r.stats.Event(kind, path, took, n)
	if r.trace != nil && event.Trace != "" && path != delivery.Unknown {
		r.trace(event.Trace, kind, delivery.Paths[path], took, n)
	}
}

// gone returns why a stream cannot continue, if so: the hub has stopped or the caller gave up.
func (r *reader) gone(ctx context.Context) error {
	if r.ctx.Err() != nil {
		return events.ErrStopped
	}
	return ctx.Err()
}

// pause waits before the attempt. It returns early, with the reason, when the stream cannot continue.
func (r *reader) pause(ctx context.Context, attempt int) error {
	select {
	case <-time.After(events.Backoff(attempt)):
		return nil
	case <-r.ctx.Done():
		return events.ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signal wakes the reader of a channel of size one. If the channel is full, the reader will wake anyway.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
