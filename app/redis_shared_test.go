package app

import (
	"testing"

	"studychat/db"
	"studychat/test/services"
)

// TestTwoDatabasesShareARedis runs two environments, each with its own database, on one Redis. The same users and the same ids
// of chats exist in both, and nothing of one may be visible in the other.
func TestTwoDatabasesShareARedis(t *testing.T) {
	t.Parallel()
	redis := "REDIS_URL=" + services.Redis(t)
	settings := append(withTokens(), redis, "MUTATION_RATE=1", "MUTATION_BURST=10")
	for name, databases := range map[string][2]string{
		"files":                 {"sqlite:" + t.TempDir() + "/a.db", "sqlite:" + t.TempDir() + "/b.db"},
		"memory":                {"sqlite::memory:", "sqlite::memory:"},
		"PostgreSQL and a file": {services.Postgres(t), "sqlite:" + t.TempDir() + "/c.db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var both [2]*instance
			for i, url := range databases {
				both[i] = start(t, append([]string{"DATABASE_URL=" + url}, settings...)...)
			}
			nothingCrosses(t, both[0], both[1])
		})
	}
}

func nothingCrosses(t *testing.T, a, b *instance) {
	t.Helper()
	user, chat := "ann "+db.NewID(), db.NewID() // the databases of a test share Redis with those of another
	a, b = a.as(user), b.as(user)
	const online = `query ($id: ID!) { chat(id: $id) { title online { id } } }`
	b.must(readList, nil) // and cached
	a.must(createChat, vars{"id": chat, "title": "of A"})
	for range 2 { // the second time from the cache
		a.must(readList, nil)
		wantEqual(t, "A's chat", a.must(online, vars{"id": chat}).at("chat", "title"), "of A")
		wantEqual(t, "B's list", b.must(readList, nil).at("chats", "totalCount"), 0)
		if got := b.ask(online, vars{"id": chat}); got.at("chat") != nil {
			t.Errorf("B reads A's chat: %s", got.raw)
		}
	}
	cursor := b.must(createChat, vars{"id": chat, "title": "of B"}).at("createChat", "chat", "eventCursor").(string)
	for range 2 {
		wantEqual(t, "B's chat", b.must(online, vars{"id": chat}).at("chat", "title"), "of B")
		wantEqual(t, "A's chat", a.must(online, vars{"id": chat}).at("chat", "title"), "of A")
	}

	live := b.follow(chat, cursor)
	eventually(t, "the user is online at B", func() bool {
		return len(b.must(online, vars{"id": chat}).at("chat", "online").([]any)) == 1
	})
	wantEqual(t, "online at A", len(a.must(online, vars{"id": chat}).at("chat", "online").([]any)), 0)
	a.message(chat, "of A") // its number is the next one at B, too
	b.message(chat, "of B")
	live.wantMessage(2, "of B")

	sent, refused := 0, false
	for ; sent < 40 && !refused; sent++ { // more than the burst: it fills up meanwhile
		refused = a.ask(sendMessage, vars{"chat": chat, "content": "again"}).code() == "RATE_LIMITED"
	}
	if !refused {
		t.Errorf("the limit does not hold: %d messages", sent)
	}
	b.message(chat, "B has its own burst")
}
