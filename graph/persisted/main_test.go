package persisted

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	goleak.VerifyTestMain(m)
}

// silence keeps the client from logging every refusal that a test asks for.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// dial makes a client whose only deadlines are those of contexts.
func dial(t testing.TB, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// newStore makes a store with the real deadlines, for tests of these.
func newStore(t testing.TB, client *redis.Client) *Redis {
	t.Helper()
	store := NewRedis(client, NewMemory(0), slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(store.Stop)
	return store
}

// newPatient makes a store for tests of what happens, not how fast: a busy machine must not look like a Redis that hangs.
func newPatient(t testing.TB, client *redis.Client) *Redis {
	t.Helper()
	store := newStore(t, client)
	store.breaker.Timeout = 5 * time.Second
	return store
}

// silent says whether Redis is left alone. Like any request it may cause a probe.
func silent(store *Redis) bool {
	nothing := func(context.Context) error { return nil }
	return store.breaker.Do(context.Background(), nothing, nothing) != nil
}

// put keeps a document and returns its hash.
func put(t testing.TB, store Store, document string) string {
	t.Helper()
	hash := Hash(document)
	store.Put(t.Context(), hash, document)
	return hash
}

// has fails unless the store returns the document.
func has(t testing.TB, store Store, document string) {
	t.Helper()
	if got, ok := store.Get(t.Context(), Hash(document)); !ok || got != document {
		t.Errorf("got %t %.40q, want %.40q", ok, got, document)
	}
}

// hasNot fails if the store returns anything for the document's hash.
func hasNot(t testing.TB, store Store, document string) {
	t.Helper()
	if got, ok := store.Get(t.Context(), Hash(document)); ok {
		t.Errorf("got %.40q, want nothing", got)
	}
}

const waitLong = 10 * time.Second

// eventually waits until done says so.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	deadline := time.After(waitLong)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("waited %s for: %s", waitLong, what)
		case <-tick.C:
		}
	}
}
