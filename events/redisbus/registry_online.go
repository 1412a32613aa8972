package redisbus

import (
	"context"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
)

func (r *registry) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	asked := question{found: map[events.Topic]*redis.ZSliceCmd{}}
	shared := map[events.Connection]bool{}
	if r.ask(ctx, r.redis.Health.Do, func(ctx context.Context, pipe redis.Pipeliner) { r.put(ctx, pipe, &asked, chats) }) {
		topics, lists := asked.lists()
		for i, users := range r.living(ctx, lists...) {
			for _, user := range users {
				shared[events.Connection{Topic: topics[i], User: user}] = true
			}
		}
	}
	return events.OnlineMembers(chats, func(topic events.Topic, user string) bool {
		return r.local.Has(topic, user) || shared[events.Connection{Topic: topic, User: user}]
	}), nil
}

// question is the topics that one call of Online asks about.
type question struct {
	found map[events.Topic]*redis.ZSliceCmd
	feeds int
}

// put asks for the chats and for the feeds of their members.
func (r *registry) put(ctx context.Context, pipe redis.Pipeliner, q *question, chats []*db.Chat) {
	for _, chat := range chats {
		topic := events.ChatTopic(chat.ID)
		q.found[topic] = r.entries(ctx, pipe, r.key(topic), maxOnlineInChat)
		for _, m := range chat.Members {
			feed := events.UserTopic(m.UserID)
			if q.found[feed] == nil && q.feeds < maxOnlineUsers {
				q.found[feed] = r.entries(ctx, pipe, r.key(feed), maxOnlineInFeed)
				q.feeds++
			}
		}
	}
}

func (q *question) lists() (topics []events.Topic, lists [][]redis.Z) {
	for topic, found := range q.found {
		topics, lists = append(topics, topic), append(lists, found.Val())
	}
	return topics, lists
}
