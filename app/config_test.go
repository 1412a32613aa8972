package app

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c, err := readConfig([]string{"HOME=/root", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:8080" || c.DatabaseURL != "sqlite:studychat.db" || c.redis != nil || c.Authenticated() {
		t.Errorf("defaults: %+v", c)
	}
}

func TestConfigPrefixWins(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{
		{"PORT=1111", "STUDYCHAT_PORT=2222"},
		{"STUDYCHAT_PORT=2222", "PORT=1111"},
	} {
		if c, err := readConfig(environ); err != nil || c.Addr != "127.0.0.1:2222" {
			t.Errorf("%v: %q, %v", environ, c.Addr, err)
		}
	}
}

func TestConfigAddr(t *testing.T) {
	t.Parallel()
	tokens := withTokens()
	for _, c := range []struct {
		reason  string
		environ []string
		addr    string // "" means refused
	}{
		{"with tokens all interfaces are the default", tokens, ":8080"},
		{"a platform's PORT", append([]string{"PORT=3000"}, tokens...), ":3000"},
		{"PORT without tokens stays on loopback", []string{"PORT=3000"}, "127.0.0.1:3000"},
		{"loopback v6", []string{"ADDR=[::1]:0"}, "[::1]:0"},
		{"localhost", []string{"ADDR=localhost:0"}, "localhost:0"},
		{"open to all without tokens", []string{"ADDR=:8080"}, ""},
		{"a public address without tokens", []string{"ADDR=192.0.2.1:8080"}, ""},
		{"open to all with tokens", append([]string{"ADDR=:8080"}, tokens...), ":8080"},
		{"both", []string{"ADDR=127.0.0.1:1", "PORT=1"}, ""},
		{"no port", []string{"ADDR=127.0.0.1"}, ""},
		{"a port that is no number", []string{"ADDR=127.0.0.1:http"}, ""},
		{"a port that is no number", []string{"PORT=abc"}, ""},
		{"a large port", []string{"PORT=99999"}, ""},
	} {
		got, err := readConfig(c.environ)
		if c.addr == "" && err == nil || c.addr != "" && (err != nil || got.Addr != c.addr) {
			t.Errorf("%s: %q, %v", c.reason, got.Addr, err)
		}
	}
}

// TestConfigMistakes: every one is named at once, the status is 2, and no value (it may be a secret) is shown.
func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	err := run(context.Background(), nil, []string{
		"ADDR=SECRET", "DATABASE_URL=SECRET", "DATABASE_CONNS=SECRET", "REDIS_URL=SECRET", "CACHE_TTL=SECRET",
		"JWT_SECRET=SECRET", "JWKS_URL=http://SECRET", "ALLOWED_ORIGINS=https://app.example/path", "LOG_LEVEL=SECRET",
		"STUDYCHAT_DATABSE_URL=SECRET",
	}, io.Discard, io.Discard)
	if !errors.Is(err, errUsage) || exitCode(err) != 2 {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{
		"ADDR", "DATABASE_URL", "DATABASE_CONNS", "REDIS_URL", "CACHE_TTL", "JWT_SECRET must have", "JWT_SECRET and JWKS_URL",
		"JWKS_URL", "JWT_ISSUER", "JWT_AUDIENCE", "ALLOWED_ORIGINS", "LOG_LEVEL", "STUDYCHAT_DATABSE_URL",
	} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in\n%v", name, err)
		}
	}
	if strings.Contains(strings.ReplaceAll(err.Error(), "JWT_SECRET", ""), "SECRET") {
		t.Errorf("a value is shown:\n%v", err)
	}
}

// TestConfigAuth: exactly one kind of key, strong enough, and tokens for us alone.
func TestConfigAuth(t *testing.T) {
	t.Parallel()
	const (
		secret = "JWT_SECRET=0123456789abcdef0123456789abcdef" // 32 bytes
		keys   = "JWKS_URL=https://provider.example/keys"
		issuer = "JWT_ISSUER=https://provider.example"
		us     = "JWT_AUDIENCE=studychat"
	)
	for _, c := range []struct {
		reason  string
		environ []string
		mistake string // "" means accepted
	}{
		{"a secret", []string{secret, issuer, us}, ""},
		{"a key set", []string{keys, issuer, us}, ""},
		{"a key set on this machine", []string{"JWKS_URL=http://127.0.0.1:8081/keys", issuer, us}, ""},
		{"a secret beside a key set: a public key could be passed off as the secret", []string{secret, keys, issuer, us}, "JWT_SECRET and JWKS_URL cannot both be set."},
		{"the same with the prefix", []string{"STUDYCHAT_" + secret, keys, issuer, us}, "JWT_SECRET and JWKS_URL cannot both be set."},
		{"a secret that is a byte short", []string{secret[:len(secret)-1], issuer, us}, "JWT_SECRET must have at least 32 bytes, not 31."},
		{"keys that anyone on the way could replace", []string{"JWKS_URL=http://provider.example/keys", issuer, us}, "JWKS_URL must be an https URL"},
		{"no address", []string{"JWKS_URL=/keys", issuer, us}, "JWKS_URL must be an https URL"},
		{"tokens of any issuer", []string{secret, us}, "JWT_ISSUER is required"},
		{"tokens of any issuer, with a key set", []string{keys, us}, "JWT_ISSUER is required"},
		{"tokens for anyone", []string{secret, issuer}, "JWT_AUDIENCE is required"},
		{"tokens for anyone, with a key set", []string{keys, issuer}, "JWT_AUDIENCE is required"},
	} {
		_, err := readConfig(c.environ)
		if c.mistake == "" && err != nil || c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.mistake)
		}
	}
}

func TestConfigDatabase(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"sqlite:x.db": true, "sqlite::memory:": true, "file:x.db": true, "postgres://u:p@h/d?sslmode=verify-full": true, "postgresql://h/d": true,
		"sqlite:": false, "mysql://h/d": false, "x.db": false, "postgres://u:SECRET@h:port/d": false, "postgres://u:SECRET@h/d?sslmode=bogus": false,
	} {
		_, err := readConfig([]string{"DATABASE_URL=" + url})
		if good != (err == nil) || err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestConfigNamesASettingOnce: what does not parse is not out of bounds as well.
func TestConfigNamesASettingOnce(t *testing.T) {
	t.Parallel()
	_, err := readConfig([]string{"DATABASE_CONNS=many", "CACHE_TTL=5"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want two lines", err)
	}
}

// TestSQLiteThatCannotBeOpened fails at once and names the file.
func TestSQLiteThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/nowhere/x.db"
	err := run(t.Context(), nil, []string{"ADDR=127.0.0.1:0", "DATABASE_URL=sqlite:" + path}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), path) || exitCode(err) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, nil, &out, io.Discard); err != nil || !strings.Contains(out.String(), "migrate") {
		t.Errorf("%v: %q", err, out.String())
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve"}, {"migrate"}, {"migrate", "sideways"}, {"migrate", "up", "now"}} {
		err := run(t.Context(), args, []string{"DATABASE_URL=sqlite::memory:"}, io.Discard, io.Discard)
		if exitCode(err) != 2 {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestMigrateCommand(t *testing.T) {
	t.Parallel()
	environ := []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/m.db"}
	do := func(what string) string {
		var out strings.Builder
		if err := run(t.Context(), []string{"migrate", what}, environ, &out, io.Discard); err != nil {
			t.Fatalf("migrate %s: %v", what, err)
		}
		return out.String()
	}
	for _, step := range []struct{ what, want string }{
		{"status", "pending"}, {"up", "applied"}, {"status", "applied"}, {"up", "nothing to do"},
		{"down", "taken back"}, {"status", "pending"}, {"up", "applied"},
	} {
		if got := do(step.what); !strings.Contains(got, step.want) {
			t.Errorf("migrate %s: %q, want %q", step.what, got, step.want)
		}
	}
}
