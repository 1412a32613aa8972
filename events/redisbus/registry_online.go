package redisbus

import (
	"context"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
)

func (r *registry) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	shared := map[events.Connection]bool{}
	inChats, inFeeds := map[events.Topic]*redis.StringSliceCmd{}, map[string]*redis.IntCmd{}
	ok := r.ask(ctx, r.redis.Health.Do, func(ctx context.Context, pipe redis.Pipeliner) {
		for _, chat := range chats {
			topic := events.ChatTopic(chat.ID)
			inChats[topic] = r.alive(ctx, pipe, r.key(topic))
			for _, m := range chat.Members {
				if inFeeds[m.UserID] == nil && len(inFeeds) < maxOnlineUsers {
					inFeeds[m.UserID] = pipe.ZCount(ctx, r.key(events.UserTopic(m.UserID)), r.fromNow(), "+inf")
				}
			}
		}
	})
	if ok {
		for topic, found := range inChats {
			for _, member := range found.Val() {
				shared[events.Connection{Topic: topic, User: userOf(member)}] = true
			}
		}
		for user, found := range inFeeds {
			shared[events.Connection{Topic: events.UserTopic(user), User: user}] = found.Val() > 0
		}
	}
	return events.OnlineMembers(chats, func(topic events.Topic, user string) bool {
		return r.local.Has(topic, user) || shared[events.Connection{Topic: topic, User: user}]
	}), nil
}

// alive asks for the entries of a topic that have not expired.
func (r *registry) alive(ctx context.Context, pipe redis.Pipeliner, key string) *redis.StringSliceCmd {
	return pipe.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: r.fromNow(), Max: "+inf", Count: maxOnlineInChat})
}
