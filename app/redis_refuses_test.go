package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"studychat/test/services"
)

// TestReadyzSaysWhatRedisRefuses: a Redis that answers every PING and stores nothing is not "ok". Both servers and the metrics agree, and the
// log has one line for each change.
func TestReadyzSaysWhatRedisRefuses(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	root := redis.NewClient(&redis.Options{Addr: server.Addr(), DisableIdentity: true})
	defer root.Close()
	i := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0", "REDIS_URL="+server.URL())
	servers := []operator{i.operator(), {t, i.url}}
	for _, c := range []struct {
		name          string
		breaks, mends string
		reason        string
		bus           string // its state meanwhile
		lines         int    // of the log, each way
	}{
		{"full", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", "scripts: out of memory; presence: out of memory", "ok", 2},
		{"a replica", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", "scripts: a read-only replica; presence: a read-only replica", "ok", 2},
		{"no scripts", "ACL SETUSER default -eval", "ACL SETUSER default +eval", "scripts: permission denied", "ok", 1},
		{"no channels", "ACL SETUSER default -publish", "ACL SETUSER default +publish", "bus: permission denied", "degraded", 0},
	} {
		awaitRedis(t, c.name+", before", servers, "ok", "", "ok")
		i.logs.text()
		services.Command(t, root, c.breaks)
		i.newChat()
		awaitRedis(t, c.name, servers, "degraded", c.reason, c.bus)
		services.Command(t, root, c.mends)
		awaitRedis(t, c.name+", after", servers, "ok", "", "ok")
		text := i.logs.text()
		if n, m := strings.Count(text, "Redis refuses what is needed"), strings.Count(text, "Redis does again what is needed"); n != c.lines || m != c.lines {
			t.Errorf("%s: %d lines say what is refused, and %d that it is not any more", c.name, n, m)
		}
		if strings.Contains(text, "going on without it") {
			t.Errorf("%s: Redis is taken for down", c.name)
		}
	}
}

// awaitRedis waits until all servers and the metrics of the first say so. The instance is ready all the time.
func awaitRedis(t *testing.T, what string, servers []operator, state, reason, bus string) {
	t.Helper()
	eventually(t, what, func() bool {
		for _, o := range servers {
			status, text := o.do(http.MethodGet, "/readyz", "")
			var parts map[string]string
			if err := json.Unmarshal([]byte(text), &parts); err != nil || status != http.StatusOK {
				t.Fatalf("%s: %d %s", what, status, text)
			}
			if parts["redis"] != state || parts["redis_reason"] != reason {
				return false
			}
		}
		if bus == "" {
			return true // not asked for
		}
		seen := servers[0].scrape()
		return seen.sum("studychat_redis_state", "state="+state) == 1 && seen.sum("studychat_bus_state", "state="+bus) == 1
	})
}
