package app

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
	"studychat/test/services"
)

// TestRedisUserWithMinimalRights: two instances over TLS, with an own CA, a client certificate, and a user that may do what the
// documented line says and nothing else. The main job works, and Redis denies nothing.
func TestRedisUserWithMinimalRights(t *testing.T) {
	t.Parallel()
	server := services.NewRedisTLS(t)
	root := redis.NewClient(&redis.Options{Addr: server.Addr(), DisableIdentity: true})
	defer root.Close()
	services.Command(t, root, redisconn.ACLLine("studychat"))
	cert, key := server.Authority.Issue("studychat")
	settings := append(withTokens(), "DATABASE_URL="+services.Postgres(t), "REDIS_URL=rediss://studychat:PASSWORD@"+server.TLSAddr(),
		"REDIS_CA_FILE="+server.Authority.File, "REDIS_CERT_FILE="+cert, "REDIS_KEY_FILE="+key, "MUTATION_RATE=100")
	both := []*instance{start(t, settings...), start(t, settings...)}
	mainJob(t, both[0].as("ann"), both[1].as("ann"))
	for _, i := range both {
		if got := i.ready(); got != "200 ok" {
			t.Errorf("ready: %s", got)
		}
		if err := i.stop(); err != nil {
			t.Error(err)
		}
		if text := i.logs.text(); strings.Contains(text, "Redis does not allow") || strings.Contains(text, "Redis refuses") {
			t.Error("a line of the log complains")
		}
	}
	services.WantNothingDenied(t, root)
	if named := root.Info(t.Context(), "commandstats").Val(); !strings.Contains(named, "cmdstat_client|setname:calls") {
		t.Error("the connections have no name")
	}
}

// mainJob creates a chat at one instance, follows it at the other, writes, reads from the cache, sees who is online, and deletes it.
func mainJob(t *testing.T, a, b *instance) {
	t.Helper()
	chat, cursor := a.newChat()
	onB := b.follow(chat, cursor)
	defer onB.conn.CloseNow() //nolint:errcheck // a server that stops would wait for it
	a.message(chat, "one")
	onB.wantMessage(2, "one")
	for range 3 { // the first one fills the cache
		if got := b.must(readChat, vars{"id": chat}); !strings.Contains(got.raw, "one") {
			t.Fatalf("B reads %s", got.raw)
		}
		a.must(readList, nil)
	}
	eventually(t, "online on the other instance", func() bool {
		return strings.Contains(a.must(`query ($id: ID!) { chat(id: $id) { online { id } } }`, vars{"id": chat}).raw, `:ann"`)
	})
	eventually(t, "everything of Redis works", func() bool { return a.ready() == "200 ok" && b.ready() == "200 ok" })
	a.must(`mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`, vars{"id": chat})
	if e := onB.next(); e.Kind != "ChatDeleted" {
		t.Errorf("got %+v, want ChatDeleted", e)
	}
}

// TestRedisOfAnotherAuthority: it is refused, with a reason that names the setting, and the server works without Redis.
func TestRedisOfAnotherAuthority(t *testing.T) {
	t.Parallel()
	server := services.NewRedisTLS(t)
	cert, key := server.Authority.Issue("studychat")
	i := start(t, "DATABASE_URL=sqlite::memory:", "REDIS_URL=rediss://"+server.TLSAddr(),
		"REDIS_CA_FILE="+services.NewFileAuthority(t).File, "REDIS_CERT_FILE="+cert, "REDIS_KEY_FILE="+key)
	const reason = "its certificate is not of a trusted authority (REDIS_CA_FILE)"
	if !strings.Contains(i.logs.text(), `"reason":"`+reason+`"`) {
		t.Error("the log does not say why")
	}
	i.newChat()
	awaitRedis(t, "degraded", []operator{{t, i.url}}, "degraded", "connection: "+reason+"; bus: "+reason, "")
}
