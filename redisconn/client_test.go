package redisconn

import (
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/test/services"
)

func TestParseRedisURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason, raw, token string
		want               Settings
		describe           string
	}{
		{reason: "plain", raw: "redis://localhost:6379", want: Settings{kind: single, addrs: []string{"localhost:6379"}}, describe: "server localhost:6379"},
		{reason: "default port", raw: "redis://cache", want: Settings{kind: single, addrs: []string{"cache:6379"}}, describe: "server cache:6379"},
		{reason: "trailing slash", raw: "redis://cache/", want: Settings{kind: single, addrs: []string{"cache:6379"}}, describe: "server cache:6379"},
		{reason: "database", raw: "redis://cache:7000/3", want: Settings{kind: single, addrs: []string{"cache:7000"}, db: 3}, describe: "server cache:7000 db 3"},
		{reason: "password alone", raw: "redis://:hunter22@cache", want: Settings{kind: single, addrs: []string{"cache:6379"}, password: "hunter22"}, describe: "server cache:6379"},
		{reason: "user and password over TLS", raw: "rediss://app:hunter22@cache:6380/1", want: Settings{kind: single, addrs: []string{"cache:6380"}, user: "app", password: "hunter22", db: 1, tls: true}, describe: "server cache:6380 db 1 (TLS)"},
		{reason: "escapes in a password", raw: "redis://:a%2Cb%23c%3Fd%25@cache", want: Settings{kind: single, addrs: []string{"cache:6379"}, password: "a,b#c?d%"}, describe: "server cache:6379"},
		{reason: "a plus is a plus, not a space", raw: "redis://:a+b@cache", want: Settings{kind: single, addrs: []string{"cache:6379"}, password: "a+b"}, describe: "server cache:6379"},
		{reason: "@, : and / in a password", raw: "redis://:a@b:c/d@cache/2", want: Settings{kind: single, addrs: []string{"cache:6379"}, password: "a@b:c/d", db: 2}, describe: "server cache:6379 db 2"},
		{reason: "IPv4", raw: "redis://10.0.0.1:6379", want: Settings{kind: single, addrs: []string{"10.0.0.1:6379"}}, describe: "server 10.0.0.1:6379"},
		{reason: "IPv6", raw: "redis://[::1]", want: Settings{kind: single, addrs: []string{"[::1]:6379"}}, describe: "server [::1]:6379"},
		{reason: "IPv6 with port and password", raw: "redis://:hunter22@[2001:db8::5]:7001/0", want: Settings{kind: single, addrs: []string{"[2001:db8::5]:7001"}, password: "hunter22"}, describe: "server [2001:db8::5]:7001"},
		{reason: "a container's name", raw: "redis://my_redis:6379", want: Settings{kind: single, addrs: []string{"my_redis:6379"}}, describe: "server my_redis:6379"},
		{reason: "the one option", raw: "redis://cache?protocol=2", want: Settings{kind: single, addrs: []string{"cache:6379"}, protocol: 2}, describe: "server cache:6379"},
		{reason: "cluster of host:port", raw: "a:1,b:2,c:3", want: Settings{kind: cluster, addrs: []string{"a:1", "b:2", "c:3"}}, describe: "cluster a:1,b:2,c:3"},
		{reason: "cluster of addresses", raw: "rediss://u:hunter22@a:1, rediss://u:hunter22@b:2", want: Settings{kind: cluster, addrs: []string{"a:1", "b:2"}, user: "u", password: "hunter22", tls: true}, describe: "cluster a:1,b:2 (TLS)"},
		{reason: "cluster whose first node says it for all", raw: "redis://:hunter22@a:1,b:2,a:1", want: Settings{kind: cluster, addrs: []string{"a:1", "b:2"}, password: "hunter22"}, describe: "cluster a:1,b:2"},
		{reason: "cluster with IPv6", raw: "[::1]:1,[::1]:2", want: Settings{kind: cluster, addrs: []string{"[::1]:1", "[::1]:2"}}, describe: "cluster [::1]:1,[::1]:2"},
		{reason: "sentinel", raw: "redis+sentinel://s1:26379,s2/mymaster", want: Settings{kind: sentinel, addrs: []string{"s1:26379", "s2:26379"}, master: "mymaster"}, describe: "sentinel s1:26379,s2:26379 master mymaster"},
		{reason: "sentinel with all of it", raw: "redis+sentinel://:hunter22@s1:1,s2:2/mymaster/4", want: Settings{kind: sentinel, addrs: []string{"s1:1", "s2:2"}, password: "hunter22", master: "mymaster", db: 4}, describe: "sentinel s1:1,s2:2 master mymaster db 4"},
		{reason: "sentinel alone", raw: "redis+sentinel://s1/m", want: Settings{kind: sentinel, addrs: []string{"s1:26379"}, master: "m"}, describe: "sentinel s1:26379 master m"},
		{reason: "Upstash", raw: "https://eu1-cat-1.upstash.io", token: "hunter22", want: Settings{kind: single, addrs: []string{"eu1-cat-1.upstash.io:6379"}, user: "default", password: "hunter22", tls: true}, describe: "server eu1-cat-1.upstash.io:6379 (TLS)"},
		{reason: "Upstash as copied from a browser", raw: "https://cat.upstash.io/", token: "hunter22", want: Settings{kind: single, addrs: []string{"cat.upstash.io:6379"}, user: "default", password: "hunter22", tls: true}, describe: "server cat.upstash.io:6379 (TLS)"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			got, err := ParseURL(tc.raw, tc.token)
			if err != nil {
				t.Fatalf("%s: %v", tc.raw, err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("got kind=%s addrs=%q user=%q password=%q db=%d tls=%t master=%q protocol=%d", got.kind, got.addrs, got.user, got.password, got.db, got.tls, got.master, got.protocol)
			}
			if got.Describe() != tc.describe {
				t.Errorf("described as %q, want %q", got.Describe(), tc.describe)
			}
		})
	}
}

func TestParseRedisURLRefuses(t *testing.T) {
	t.Parallel()
	const secret = "hunter22"
	for _, tc := range []struct{ reason, raw, token, says string }{
		{"empty", "", "", "must start with"},
		{"no scheme", "localhost:6379", "", "must start with"},
		{"other scheme", "http://:hunter22@cache", "", "must start with"},
		{"unix socket", "unix:///tmp/hunter22.sock", "", "must start with"},
		{"no host", "redis://", "", "host"},
		{"no host after the password", "redis://:hunter22@", "", "host"},
		{"port 0", "redis://cache:0", "", "port"},
		{"port too large", "redis://cache:65536", "", "port"},
		{"port is no number", "redis://cache:hunter22", "", "port"},
		{"password without @", "redis://:hunter22", "", "port"},
		{"user without password", "redis://hunter22@cache", "", "user:password"},
		{"bare IPv6", "redis://::1:6379", "", "IPv6"},
		{"open bracket", "redis://[::1:6379", "", "IPv6"},
		{"space in the host", "redis://ca che:6379", "", "host"},
		{"# in a password", "redis://:hunt#hunter22@cache", "", "%23"},
		{"? in a password", "redis://:hunt?hunter22@cache", "", "port"},
		{"broken escape", "redis://:hunter22%zz@cache", "", "%25"},
		{"database is no number", "redis://cache/hunter22", "", "database"},
		{"negative database", "redis://cache/-1", "", "database"},
		{"two path segments", "redis://cache/0/hunter22", "", "database"},
		{"unknown option", "redis://cache?password=hunter22", "", "only option"},
		{"option of the client library", "redis://cache?read_timeout=5s", "", "only option"},
		{"comma in a password", "redis://:hunt,hunter22@cache", "", "port"},
		{"comma in a password of digits", "redis://x:12,hunter22@cache", "", "%2C"},
		{"empty entry", "a:1,,b:2", "", "host"},
		{"cluster with a database", "redis://a:1/2,b:2", "", "database"},
		{"cluster of two passwords", "redis://:hunter22@a:1,redis://:hunter23@b:2", "", "share"},
		{"cluster half over TLS", "redis://a:1,rediss://b:2", "", "share"},
		{"cluster with another scheme", "redis://a:1,https://b:2", "", "%2C"},
		{"sentinel without master", "redis+sentinel://:hunter22@s1:1,s2:2", "", "/MASTER"},
		{"sentinel with an empty master", "redis+sentinel://s1:1//0", "", "/MASTER"},
		{"sentinel with a bad database", "redis+sentinel://s1:1/m/hunter22", "", "database"},
		{"Upstash without token", "https://cat.upstash.io", "", "token"},
		{"token without Upstash", "redis://cache", secret, "token"},
		{"other https host", "https://example.com", secret, "upstash"},
		{"name that only ends alike", "https://evil.example/.upstash.io", secret, "upstash"},
		{"password in an https address", "https://default:hunter22@cat.upstash.io", secret, "upstash"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			got, err := ParseURL(tc.raw, tc.token)
			if err == nil {
				t.Fatalf("accepted as %s", got.Describe())
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
			if !strings.Contains(err.Error(), tc.says) {
				t.Errorf("the error does not say %q: %v", tc.says, err)
			}
		})
	}
}

func TestRedisSettingsNeverPrintSecrets(t *testing.T) {
	t.Parallel()
	s, err := ParseURL("redis://app:hunter22@cache", "")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("redis", "settings", s)
	fmt.Fprintf(&out, "%v %+v %#v %s", s, s, s, s)
	if strings.Contains(out.String(), "hunter22") || !strings.Contains(out.String(), "cache:6379") {
		t.Errorf("printed as %s", out.String())
	}
}

func FuzzParseRedisURL(f *testing.F) {
	for _, seed := range []string{"redis://:%s@h:1/2", "rediss://u:%s@[::1]", "redis+sentinel://:%s@s1,s2:2/m/1", "redis://:%s@a:1,b:2", "https://%s.upstash.io", "redis://h/%s", "redis://h?%s", "%s"} {
		f.Add(seed)
	}
	const secret = "hunter22hunter22"
	f.Fuzz(func(t *testing.T, shape string) {
		for _, token := range []string{"", secret} {
			s, err := ParseURL(strings.ReplaceAll(shape, "%s", secret), token)
			if err != nil {
				if strings.Contains(err.Error(), secret) {
					t.Fatalf("the error shows the secret: %v", err)
				}
				continue
			}
			if s.password == secret && strings.Contains(strings.NewReplacer(strings.Join(s.addrs, ","), "", s.master, "").Replace(s.Describe()), secret) {
				t.Fatalf("the description shows the secret: %s", s.Describe())
			}
			checkAddrs(t, s)
		}
	})
}

func checkAddrs(t *testing.T, s Settings) {
	t.Helper()
	if len(s.addrs) == 0 || s.db < 0 || (s.kind == sentinel) != (s.master != "") || s.kind == cluster && s.db != 0 {
		t.Fatalf("incomplete: %s", s.Describe())
	}
	for _, addr := range s.addrs {
		host, port, err := net.SplitHostPort(addr)
		n, portErr := strconv.Atoi(port)
		if err != nil || portErr != nil || host == "" || n < 1 || n > 65535 {
			t.Fatalf("bad address %q", addr)
		}
	}
}

func TestRedisClientsAreTuned(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		raw  string
		kind any
	}{
		{"redis://:hunter22@127.0.0.1:1/2", &redis.Client{}},
		{"rediss://:hunter22@127.0.0.1:1", &redis.Client{}},
		{"127.0.0.1:1,127.0.0.1:2", &redis.ClusterClient{}},
		{"redis+sentinel://127.0.0.1:1/m", &redis.Client{}},
	} {
		t.Run(tc.raw, func(t *testing.T) {
			t.Parallel()
			s, err := ParseURL(tc.raw, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, client := range []redis.UniversalClient{s.CacheClient(), s.BusClient()} {
				defer client.Close()
				if reflect.TypeOf(client) != reflect.TypeOf(tc.kind) {
					t.Fatalf("%T", client)
				}
			}
		})
	}
}

func TestRedisClientsReachAServer(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t, "--requirepass", "hunter22")
	s, err := ParseURL("redis://:hunter22@"+server.Addr()+"/2", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range []redis.UniversalClient{s.CacheClient(), s.BusClient()} {
		defer client.Close()
		version, err := Version(t.Context(), client)
		if err != nil || !strings.Contains(version, ".") {
			t.Errorf("version %q, %v", version, err)
		}
		if id, err := client.ClientInfo(t.Context()).Result(); err != nil || id.DB != 2 {
			t.Errorf("%v, %+v", err, id)
		}
	}
	s.password = "hunter23"
	wrong := s.CacheClient()
	defer wrong.Close()
	if err := wrong.Ping(t.Context()).Err(); err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("a wrong password gives %v", err)
	}
}

func TestCacheClientOptions(t *testing.T) {
	t.Parallel()
	s := Settings{kind: single, addrs: []string{"127.0.0.1:1"}, user: "u", password: "p", db: 3, tls: true, protocol: 2}
	client := s.CacheClient().(*redis.Client)
	defer client.Close()
	o := client.Options()
	if o.Addr != "127.0.0.1:1" || o.Username != "u" || o.Password != "p" || o.DB != 3 || o.TLSConfig == nil || o.Protocol != 2 {
		t.Error("the settings do not reach the client")
	}
	if o.DialTimeout != 200*time.Millisecond || o.ReadTimeout != 50*time.Millisecond || o.WriteTimeout != 50*time.Millisecond || o.PoolTimeout > 100*time.Millisecond {
		t.Error("the waits are not the ones that were promised")
	}
	if o.MaxRetries != 0 || o.DialerRetries != 1 || !o.ContextTimeoutEnabled {
		t.Error("the client tries again by itself, or ignores deadlines")
	}
	if !o.DisableIdentity || o.MaintNotificationsConfig == nil || o.MaintNotificationsConfig.Mode != maintnotifications.ModeDisabled {
		t.Error("the client sends commands at connect that old servers refuse")
	}
}

// TestBusClientKeepsFewIdleConnections: when the network to Redis breaks silently, each idle connection costs the sender of
// notifications a timeout; with all of them kept, the bus was back 6 s after Redis (torture check redis-blackhole).
func TestBusClientKeepsFewIdleConnections(t *testing.T) {
	t.Parallel()
	s := Settings{kind: single, addrs: []string{services.NewRedisServer(t).Addr()}}
	client := s.BusClient()
	defer client.Close()
	// Each call blocks on a key of its own, so that it has a connection of its own. They end one after the other: go-redis counts
	// idle connections without a lock, so that calls which end together may all keep theirs.
	var ended [12]chan error
	for i := range ended {
		ended[i] = make(chan error, 1)
		go func() { ended[i] <- client.BLPop(t.Context(), time.Minute, "list"+strconv.Itoa(i)).Err() }()
	}
	pusher := s.CacheClient()
	defer pusher.Close()
	eventually(t, "all calls block", func() bool {
		return strings.Contains(pusher.Info(t.Context(), "clients").Val(), "blocked_clients:12")
	})
	for i := range ended {
		if err := pusher.LPush(t.Context(), "list"+strconv.Itoa(i), "x").Err(); err != nil {
			t.Fatal(err)
		}
		if err := <-ended[i]; err != nil {
			t.Error(err)
		}
	}
	if stats := client.PoolStats(); stats.Misses < 12 || stats.IdleConns > 2 {
		t.Errorf("%d connections were opened, and %d stay idle", stats.Misses, stats.IdleConns)
	}
}
