package cache

import (
	"context"
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"
)

// letNobodyIn has Redis ask for a password from now on. It returns the one connection that the client has, busy.
func letNobodyIn(t *testing.T, client *redis.Client) *redis.Conn {
	t.Helper()
	busy := client.Conn()
	if err := errors.Join(busy.Ping(t.Context()).Err(), busy.ConfigSet(t.Context(), "requirepass", "of late").Err()); err != nil {
		t.Fatal(err)
	}
	return busy
}

// The connections of before serve other instances, too: a mark that is given up leaves there what its write replaces.
func TestAMarkWaitsForAConnectionWhereNobodyNewIsLetIn(t *testing.T) {
	t.Parallel()
	store, client := newFakeStore(), dialPatient(t, newRedis(t).Addr())
	guard := newGuard(t, client, tuning{})
	chat := store.newChat("ann", "bob")
	busy := letNobodyIn(t, client)
	client.AddHook(&onTry{n: maxTries + 2, do: func() { _ = busy.Close() }})
	store.send(t.Context(), guard, chat.ID)
	if got := guard.Stats(); got.MarkFailures != 0 || guard.link.Health.Failures() < maxTries+1 {
		t.Errorf("%+v", got)
	}
}

// onTry is a hook that does something before the pipeline of a number.
type onTry struct {
	n  int
	do func()
}

func (h *onTry) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h *onTry) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (h *onTry) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if cmds[0].Name() == "evalsha" { // a connection's own are seen here, too
			if h.n--; h.n == 0 {
				h.do()
			}
		}
		return next(ctx, cmds)
	}
}
