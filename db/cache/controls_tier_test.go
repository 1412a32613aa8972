package cache

import (
	"context"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// keeping is a correct cache below a memory of decoded bodies that is wrong: a body is served from memory when fresh says so.
type keeping struct {
	*Cache
	fresh func(ctx context.Context, key string) bool

	mu     sync.Mutex
	bodies map[string]any
}

func newKeeping(fresh func(context.Context, *Cache, string) bool) system {
	return func(t *testing.T, store *fakeStore, client redis.UniversalClient, prefix string) node {
		n := guarded(t, store, client, prefix)
		c := n.repo.(*Cache)
		k := &keeping{Cache: c, bodies: map[string]any{}, fresh: func(ctx context.Context, key string) bool { return fresh(ctx, c, key) }}
		return node{repo: k, guard: n.guard}
	}
}

func (k *keeping) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	return kept(ctx, k, k.guard.link.Names.Keys().Chat(id), func() (*db.Chat, error) { return k.Cache.Chat(ctx, viewer, id) })
}

func (k *keeping) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	return kept(ctx, k, k.guard.link.Names.Keys().List(viewer), func() (*db.ChatList, error) { return k.Cache.Chats(ctx, viewer, module, page) })
}

func kept[T any](ctx context.Context, k *keeping, key string, read func() (T, error)) (T, error) {
	if k.fresh(ctx, key) {
		k.mu.Lock()
		body, ok := k.bodies[key].(T)
		k.mu.Unlock()
		if ok {
			return body, nil
		}
	}
	v, err := read()
	if known, ok := k.tier.get(key); ok && err == nil {
		body, isChat := known.body.(*chatBody)
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.bodies[key] = known.body; isChat {
			k.bodies[key] = body.chat
		}
	}
	return v, err
}

// The header of a body is asked for, and any body will do.
func anyFill(ctx context.Context, c *Cache, key string) bool {
	header, err := c.headers.ask(ctx, key)
	state, _ := parseHeader(header)
	return err == nil && state == stateBody
}

func unasked(context.Context, *Cache, string) bool { return true }

func TestControlBodiesKeptWithoutAskingAreCaught(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(context.Context, *Cache, string) bool{"nothing is asked": unasked, "the fill is not compared": anyFill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := dialPatient(t, newRedis(t).Addr())
			for _, c := range []cast{casts[0], casts[6]} {
				plays, found := violations(t, c, newKeeping(fresh), client)
				if len(found) == 0 {
					t.Errorf("%s: the checker is blind: %d plays and no violation", c.name, plays)
				}
				t.Logf("%s: %d violations in %d plays, such as %v", c.name, len(found), plays, found[:min(1, len(found))])
			}
		})
	}
}
