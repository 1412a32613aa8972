package documents

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// What the documents take of Redis.
const (
	// TTL is how long Redis keeps a document. It is not renewed: an instance that has the document in memory goes on with
	// that, and one that has not asks its client once, which stores it again.
	TTL = 24 * time.Hour

	// MaxRedisBytes is how much of documents one instance writes to Redis in the time of one TTL; beyond that, documents
	// stay in its memory. So Redis never holds more than twice that for each instance, whatever clients send.
	MaxRedisBytes = 64 << 20

	keyPrefix = "studychat:document:" // the hash follows

	redisTimeout = 50 * time.Millisecond  // of one request
	probeEvery   = 500 * time.Millisecond // how often a Redis that did not answer is asked again
)

// Redis is a Store that instances share: memory first, then Redis.
//
// Redis is a hint, never the truth: what it returns is served only if its hash is the one asked for. A Redis that does
// not answer costs the requests that are waiting for it at that moment 50 ms each, and nothing afterwards: from the
// first such failure it is not asked any more until a probe in the background had an answer. Unlike the cache of chats,
// which waits for five failures, nothing is lost by giving up early: a client sends its document once more.
type Redis struct {
	client  redis.UniversalClient
	memory  *Memory
	log     *slog.Logger
	timeout time.Duration
	allowed allowance

	quit   context.Context // done when Close is called
	cancel context.CancelFunc
	probes sync.WaitGroup

	mu     sync.Mutex
	silent bool // Redis did not answer, and a probe is under way
}

var _ Store = (*Redis)(nil)

// NewRedis makes a store over client, which keeps to the deadlines of contexts (ContextTimeoutEnabled) and does not try
// again by itself. The caller closes it, after Close.
func NewRedis(client redis.UniversalClient, memory *Memory, log *slog.Logger) *Redis {
	quit, cancel := context.WithCancel(context.Background())
	return &Redis{client: client, memory: memory, log: log, timeout: redisTimeout, quit: quit, cancel: cancel}
}

// Close ends the probing and waits for it. The store then serves from memory. It may be called again.
func (r *Redis) Close() {
	r.mu.Lock()
	r.silent = true // nobody starts a probe any more
	r.mu.Unlock()
	r.cancel()
	r.probes.Wait()
}

// Get implements Store.
func (r *Redis) Get(ctx context.Context, hash string) (string, bool) {
	if document, ok := r.memory.Get(ctx, hash); ok {
		return document, true
	}
	var document string
	// A range, so that a value of any size that stands there costs no more than a document may. An absent key is "".
	ok := r.ask(ctx, hash, func(ctx context.Context) (err error) {
		document, err = r.client.GetRange(ctx, keyPrefix+hash, 0, MaxDocument).Result()
		return err
	})
	if !ok || document == "" {
		return "", false
	}
	if Hash(document) != hash {
		r.log.WarnContext(ctx, "Redis holds another document than its key says; ignored", "key", keyPrefix+hash)
		return "", false
	}
	r.memory.Put(ctx, hash, document)
	return document, true
}

// Put implements Store. What this instance has in memory is not written again: if Redis has lost it, it is written by the
// first instance that needs it, whose client sends it there.
func (r *Redis) Put(ctx context.Context, hash, document string) {
	if _, ok := r.memory.Get(ctx, hash); ok || len(document) > MaxDocument {
		return
	}
	r.memory.Put(ctx, hash, document)
	if !r.allowed.take(len(document)) {
		return
	}
	r.ask(ctx, hash, func(ctx context.Context) error {
		return r.client.Set(ctx, keyPrefix+hash, document, TTL).Err()
	})
}

// ask makes one request about a document, and says whether it succeeded. While Redis is silent it makes none.
func (r *Redis) ask(ctx context.Context, hash string, request func(context.Context) error) bool {
	if r.isSilent() {
		return false
	}
	err := r.within(ctx, request)
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil: // it is the caller that gave up
	case answered(err):
		r.log.DebugContext(ctx, "Redis refused a document", "err", err)
	default:
		r.giveUp(hash, err)
	}
	return false
}

func (r *Redis) within(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return request(ctx)
}

// answered says whether the failure is an answer (LOADING, OOM, WRONGTYPE, …): it was quick, so asking again costs nothing.
func answered(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}

func (r *Redis) isSilent() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silent
}

// giveUp stops asking Redis, and starts the probe that ends this. It asks for the key that failed: in a cluster, another
// server than that of this key may answer all the while.
func (r *Redis) giveUp(hash string, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.silent {
		return
	}
	r.silent = true
	r.log.Warn("persisted documents come from memory: Redis does not answer", "err", cause)
	r.probes.Go(func() { r.probe(hash) })
}

func (r *Redis) probe(hash string) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.quit.Done():
			return
		case <-ticker.C:
		}
		err := r.within(r.quit, func(ctx context.Context) error { return r.client.Exists(ctx, keyPrefix+hash).Err() })
		if (err == nil || answered(err)) && r.quit.Err() == nil {
			r.log.Info("persisted documents are shared again: Redis answers")
			r.mu.Lock()
			r.silent = false
			r.mu.Unlock()
			return
		}
	}
}

// allowance is what may be written in the time of one TTL. The zero value has the whole of it.
type allowance struct {
	mu      sync.Mutex
	since   time.Time
	written int
}

// take counts n bytes, unless they are too many.
func (a *allowance) take(n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); now.Sub(a.since) >= TTL {
		a.since, a.written = now, 0
	}
	if a.written+n > MaxRedisBytes {
		return false
	}
	a.written += n
	return true
}
