package torture

import (
	"context"
	"encoding/json"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// naiveCache is the usual cache-aside, a control that the validators must reject.
type naiveCache struct {
	db.Repository
	client *redis.Client
}

func (n naiveCache) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	return aside(ctx, n.client, "chat:"+id, func() (*db.Chat, error) { return n.Repository.Chat(ctx, viewer, id) })
}

func (n naiveCache) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	return aside(ctx, n.client, "list:"+viewer, func() (*db.ChatList, error) { return n.Repository.Chats(ctx, viewer, module, page) })
}

// aside fills the cache after a miss.
func aside[T any](ctx context.Context, client *redis.Client, key string, load func() (*T, error)) (*T, error) {
	if raw, err := client.Get(ctx, key).Bytes(); err == nil {
		v := new(T)
		return v, json.Unmarshal(raw, v)
	}
	v, err := load()
	if err == nil {
		raw, _ := json.Marshal(v)
		client.Set(ctx, key, raw, time.Minute)
	}
	return v, err
}

// naiveGuard deletes the key after the commit.
type naiveGuard struct{ client *redis.Client }

// Mark does nothing inside the transaction.
func (g naiveGuard) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	return func(db.Outcome) {
		for _, write := range writes {
			g.client.Del(ctx, "chat:"+write.ChatID)
			for _, member := range write.Members {
				g.client.Del(ctx, "list:"+member)
			}
		}
	}
}
