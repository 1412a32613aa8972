package persisted

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/breaker"
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
)

// Redis is a Store that instances share: memory first, then Redis.
//
// Redis is a hint, never the truth: what it returns is served only if its hash is the one asked for. A Redis that does
// not answer costs the requests that are waiting for it at that moment 50 ms each, and nothing afterwards (see package
// breaker): nothing is lost by giving up early, since a client sends its document once more.
type Redis struct {
	client  redis.UniversalClient
	memory  *Memory
	log     *slog.Logger
	breaker *breaker.Breaker
	allowed allowance
}

var _ Store = (*Redis)(nil)

// NewRedis makes a store over client, which keeps to the deadlines of contexts (ContextTimeoutEnabled) and does not try
// again by itself. The caller closes it, after Stop.
func NewRedis(client redis.UniversalClient, memory *Memory, log *slog.Logger) *Redis {
	return &Redis{client: client, memory: memory, log: log, breaker: breaker.New("persisted documents", log)}
}

// Stop ends what runs in the background, and waits for it. The store then serves from memory. It may be called again.
func (r *Redis) Stop() { r.breaker.Stop() }

// Get implements Store.
func (r *Redis) Get(ctx context.Context, hash string) (string, bool) {
	if document, ok := r.memory.Get(ctx, hash); ok {
		return document, true
	}
	var document string
	// A range, so that a value of any size that stands there costs no more than a document may. An absent key is "", and so
	// is a failure.
	r.ask(ctx, hash, func(ctx context.Context) (err error) {
		document, err = r.client.GetRange(ctx, keyPrefix+hash, 0, MaxDocument).Result()
		return err
	})
	if document == "" {
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

// ask makes one request about a document, unless the breaker is open.
func (r *Redis) ask(ctx context.Context, hash string, request func(context.Context) error) {
	_ = r.breaker.Do(ctx,
		func(ctx context.Context) error { return r.unanswered(request(ctx)) },
		func(ctx context.Context) error { return r.unanswered(r.client.Exists(ctx, keyPrefix+hash).Err()) })
}

// unanswered leaves out errors that are answers (LOADING, OOM, WRONGTYPE, …): they are quick, so asking again costs nothing.
func (r *Redis) unanswered(err error) error {
	if _, ok := errors.AsType[redis.Error](err); !ok {
		return err
	}
	r.log.Debug("Redis refused a document", "err", err)
	return nil
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
