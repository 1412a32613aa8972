package persisted

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/breaker"
	"studychat/test/services"
)

const document = "{ chats { edges { node { id } } } }"

func TestRedisIsShared(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dial(t, server.Addr())
	writer, reader := newPatient(t, client), newPatient(t, client)
	hash := put(t, writer, document)
	has(t, reader, document)
	if ttl := client.TTL(t.Context(), "studychat:document:"+hash).Val(); ttl <= TTL-time.Minute || ttl > TTL {
		t.Errorf("kept for %s", ttl)
	}
	// Read once, it is in memory: Redis may go.
	server.Kill()
	has(t, reader, document)
	has(t, writer, document)
}

// TestRedisIsNeverTheTruth: whatever stands under the key, a hash gives its own document or none.
func TestRedisIsNeverTheTruth(t *testing.T) {
	t.Parallel()
	client := dial(t, services.NewRedisServer(t).Addr())
	key := keyPrefix + Hash(document)
	for _, c := range []struct {
		reason string
		tamper func(context.Context) error
	}{
		{"another document", func(ctx context.Context) error { return client.Set(ctx, key, "{ viewer { secrets } }", 0).Err() }},
		{"the document and more", func(ctx context.Context) error { return client.Set(ctx, key, document+" ", 0).Err() }},
		{"half of it", func(ctx context.Context) error { return client.Set(ctx, key, document[:10], 0).Err() }},
		{"nothing in it", func(ctx context.Context) error { return client.Set(ctx, key, "", 0).Err() }},
		{"ten megabytes", func(ctx context.Context) error {
			return client.Set(ctx, key, strings.Repeat(document, 300_000), 0).Err()
		}},
		{"another type", func(ctx context.Context) error { return client.LPush(ctx, key, document).Err() }},
	} {
		if err := client.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.tamper(t.Context()); err != nil {
			t.Fatalf("%s: %v", c.reason, err)
		}
		store := newPatient(t, client)
		if got, ok := store.Get(t.Context(), Hash(document)); ok {
			t.Errorf("%s: got %.40q", c.reason, got)
		}
		if silent(store) {
			t.Errorf("%s: Redis is not asked any more", c.reason)
		}
		put(t, store, document)
		has(t, store, document)
		has(t, newPatient(t, client), document) // the right value has taken the place
	}
}

// requests counts what a client sends, by command.
type requests struct {
	mu    sync.Mutex
	names []string
}

func (r *requests) DialHook(next redis.DialHook) redis.DialHook { return next }
func (r *requests) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (r *requests) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.mu.Lock()
		r.names = append(r.names, cmd.Name())
		r.mu.Unlock()
		return next(ctx, cmd)
	}
}

func (r *requests) count(name string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.names {
		if other == name {
			n++
		}
	}
	return n
}

// TestRedisHangs: one wait, then none; and by itself everything is shared again.
func TestRedisHangs(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	link := services.NewProxy(t, server.Addr())
	client, sent := dial(t, link.Addr()), &requests{}
	client.AddHook(sent)
	store := newStore(t, client)
	eventually(t, "the first answer", func() bool {
		store.Get(t.Context(), Hash(document))
		return !silent(store)
	})
	link.Blackhole()

	asked := sent.count("getrange")
	first := timed(func() { hasNot(t, store, document) })
	if !silent(store) || sent.count("getrange") != asked+1 {
		t.Fatal("one request must be enough to notice")
	}
	var waits []time.Duration
	for range 101 {
		waits = append(waits, timed(func() { hasNot(t, store, document) }))
	}
	if n := sent.count("getrange"); n != asked+1 {
		t.Errorf("%d further requests were sent to a Redis that hangs", n-asked-1)
	}
	slices.Sort(waits)
	t.Logf("first %s, then median %s, worst %s", first, waits[50], waits[100])
	// The deadline is 50 ms; the rest is what a busy machine takes.
	if first > 250*time.Millisecond || waits[50] > 2*time.Millisecond {
		t.Errorf("it took %s, then %s", first, waits[50])
	}
	put(t, store, document)
	has(t, store, document)

	link.Heal()
	eventually(t, "sharing again", func() bool { return !silent(store) })
	const later = "{ later }"
	eventually(t, "a document in Redis", func() bool {
		store.memory = NewMemory(0)
		put(t, store, later)
		return client.Exists(t.Context(), keyPrefix+Hash(later)).Val() == 1
	})
}

// TestNobodyAccepts: dialing is a wait as well.
func TestNobodyAccepts(t *testing.T) {
	t.Parallel()
	options := *dial(t, "black:6379").Options()
	options.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) {
		select {
		case <-ctx.Done():
		case <-t.Context().Done(): // the client goes on dialing when nobody waits any more
		}
		return nil, context.DeadlineExceeded
	}
	options.DialTimeout = time.Minute // so that it cannot be this that ended the wait
	client := redis.NewClient(&options)
	defer client.Close()
	store := newStore(t, client)
	first := timed(func() { hasNot(t, store, document) })
	second := timed(func() { hasNot(t, store, document) })
	t.Logf("first %s, then %s", first, second)
	if first > time.Second || !silent(store) || second > breaker.Timeout {
		t.Errorf("it took %s, then %s; silent: %t", first, second, silent(store))
	}
}

func timed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

func TestRedisRestarts(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	client := dial(t, server.Addr())
	store := newPatient(t, client)
	put(t, store, document)
	server.Kill()
	hasNot(t, store, "{ unknown }")
	eventually(t, "it is noticed", func() bool {
		store.Get(t.Context(), Hash("{ unknown }"))
		return silent(store)
	})
	put(t, store, "{ meanwhile }")
	has(t, store, "{ meanwhile }")
	server.Restart() // empty
	eventually(t, "sharing again", func() bool { return !silent(store) })
	has(t, store, document)
	// Another instance does not know the document. Its client sends it there, and then everybody knows it.
	other, third := newPatient(t, client), newPatient(t, client)
	hasNot(t, other, document)
	put(t, other, document)
	has(t, third, document)
}

// TestCallerGivesUp: that says nothing of Redis.
func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	store := newPatient(t, dial(t, services.NewRedisServer(t).Addr()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	store.Put(ctx, Hash(document), document)
	if _, ok := store.Get(ctx, Hash("{ other }")); ok || silent(store) {
		t.Errorf("found %t, silent %t", ok, silent(store))
	}
	has(t, store, document)
}

// TestStop: requests go on, from memory.
func TestStop(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	server.Kill()
	store := newStore(t, dial(t, server.Addr()))
	hasNot(t, store, document)
	if !silent(store) {
		t.Fatal("a refused connection was not noticed")
	}
	store.Stop()
	store.Stop()
	put(t, store, document)
	has(t, store, document)
	hasNot(t, store, "{ other }")
}

// TestRedisIsNotFilled: what one instance writes is bounded, and it goes on from memory.
func TestRedisIsNotFilled(t *testing.T) {
	t.Parallel()
	client := dial(t, services.NewRedisServer(t).Addr())
	store := newPatient(t, client)
	store.allowed = allowance{since: time.Now(), written: MaxRedisBytes - len(document)}
	put(t, store, document)
	put(t, store, "{ over }")
	has(t, store, "{ over }")
	other := newPatient(t, client)
	has(t, other, document)
	hasNot(t, other, "{ over }")
}

func TestAllowance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a allowance
		expect := func(reason string, n int, want bool) {
			t.Helper()
			if got := a.take(n); got != want {
				t.Errorf("%s: %t", reason, got)
			}
		}
		expect("the whole of it", MaxRedisBytes, true)
		expect("one byte more", 1, false)
		<-time.After(TTL - time.Nanosecond)
		expect("not yet", 1, false)
		<-time.After(time.Nanosecond)
		expect("the next day", MaxRedisBytes-1, true)
		expect("too much, which counts for nothing", 2, false)
		expect("what is left", 1, true)
	})
}
