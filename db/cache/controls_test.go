package cache

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// The negative controls: caches that are wrong, which the checker of protocol_test.go has to catch.

// naive is cache-aside as it is usually written: fill after a miss, delete after a commit.
type naive struct {
	db.Repository
	client redis.UniversalClient
	prefix string
}

func newNaive(_ *testing.T, store *fakeStore, client redis.UniversalClient, prefix string) node {
	n := naive{Repository: store, client: client, prefix: prefix}
	return node{repo: n, guard: n}
}

func (n naive) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	return aside(ctx, n, "chat:"+id, appendChat, func(content string) (*db.Chat, int, error) { return decodeChat(content, id) },
		func() (*db.Chat, error) { return n.Repository.Chat(ctx, viewer, id) })
}

func (n naive) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	return aside(ctx, n, "list:"+viewer, appendList, func(content string) (*db.ChatList, int, error) { return decodeList(content, viewer) },
		func() (*db.ChatList, error) { return n.Repository.Chats(ctx, viewer, module, page) })
}

func aside[T any](ctx context.Context, n naive, key string, encode func([]byte, T) []byte, decode func(string) (T, int, error), load func() (T, error)) (T, error) {
	if raw, err := n.client.Get(ctx, n.prefix+key).Result(); err == nil {
		v, _, err := decode(parseValue(raw).content)
		return v, err
	}
	v, err := load()
	if err == nil {
		err = n.client.Set(ctx, n.prefix+key, encodeValue(1, v, encode), time.Minute).Err()
	}
	return v, err
}

// Mark does nothing inside the transaction; the keys are deleted after the commit.
func (n naive) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	return func(db.Outcome) {
		for _, write := range writes {
			n.client.Del(ctx, n.prefix+"chat:"+write.ChatID)
			for _, member := range write.Members {
				n.client.Del(ctx, n.prefix+"list:"+member)
			}
		}
	}
}

func TestControlNaiveCacheAsideIsCaught(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	for _, c := range []cast{casts[0], casts[6]} {
		plays, found := violations(t, c, newNaive, client)
		if len(found) == 0 {
			t.Errorf("%s: the checker is blind: %d plays of cache-aside and no violation", c.name, plays)
		}
		t.Logf("%s: %d violations in %d plays, such as %v", c.name, len(found), plays, found[:min(1, len(found))])
	}
}

// oneToken is the guard with marks that hold one token: a writer overwrites another's mark, and its finish opens the key.
type oneToken struct{ *Guard }

var (
	oneMark   = redis.NewScript(`return redis.call('SET', KEYS[1], 'd' .. ARGV[1] .. ':9999999999999', 'PX', 10000)`)
	oneFinish = redis.NewScript(`
local value = redis.call('GET', KEYS[1])
if value and string.sub(value, 1, 1) == 'd' and value ~= 'd' .. ARGV[1] .. ':9999999999999' then return 0 end
return redis.call('DEL', KEYS[1])`)
)

// Mark is Guard.Mark with the other scripts.
func (g oneToken) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	token, keys := newToken(), g.keysOf(writes)
	run := func(script *redis.Script) {
		for _, key := range keys {
			script.Run(ctx, g.link.Client, []string{key}, token)
		}
	}
	run(oneMark)
	return func(outcome db.Outcome) {
		if outcome != db.Unknown {
			run(oneFinish)
		}
	}
}

func newOneToken(t *testing.T, store *fakeStore, client redis.UniversalClient, prefix string) node {
	n := guarded(t, store, client, prefix)
	return node{repo: n.repo, guard: oneToken{n.guard.(*Guard)}}
}

// A key that all writers of one chat share is safe with one token; the list that writers of two chats share is not.
func TestControlOneTokenMarksAreCaughtOnLists(t *testing.T) {
	t.Parallel()
	client := dialPatient(t, newRedis(t).Addr())
	if _, found := violations(t, casts[5], newOneToken, client); len(found) > 0 {
		t.Errorf("one chat: %v", found)
	}
	plays, found := violations(t, casts[7], newOneToken, client)
	if len(found) == 0 {
		t.Errorf("the checker is blind: %d plays without a violation", plays)
	}
	t.Logf("%d violations in %d plays, such as %v", len(found), plays, found[:min(1, len(found))])
}
