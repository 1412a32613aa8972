package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := Read([]string{"HOME=/root", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if c.HTTP.Addr != "127.0.0.1:8080" || c.Database.URL != "sqlite:studychat.db" || !c.Database.ByDefault() || c.Redis.Server != nil || c.Auth.Enabled() {
		t.Errorf("defaults: %+v", c)
	}
}

func TestPrefixWins(t *testing.T) {
	t.Parallel()
	for _, environ := range [][]string{
		{"PORT=1111", "STUDYCHAT_PORT=2222"},
		{"STUDYCHAT_PORT=2222", "PORT=1111"},
	} {
		if c, err := Read(environ); err != nil || c.HTTP.Addr != "127.0.0.1:2222" {
			t.Errorf("%v: %q, %v", environ, c.HTTP.Addr, err)
		}
	}
}

func TestAdminAddr(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":             "",
		"9090":         "127.0.0.1:9090",
		":9090":        "127.0.0.1:9090", // open to others only if somebody says so
		"0.0.0.0:9090": "0.0.0.0:9090",
		"[::1]:0":      "[::1]:0",
	} {
		got, err := Read([]string{"ADMIN_ADDR=" + given})
		if err != nil || got.HTTP.AdminAddr != want || got.HTTP.AdminLoopback() != (want != "" && want != "0.0.0.0:9090") {
			t.Errorf("%q: %q, loopback %t, %v", given, got.HTTP.AdminAddr, got.HTTP.AdminLoopback(), err)
		}
	}
	for _, bad := range []string{"here", "99999", "localhost", "localhost:http"} {
		if _, err := Read([]string{"ADMIN_ADDR=" + bad}); err == nil || !strings.Contains(err.Error(), "ADMIN_ADDR") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAddr(t *testing.T) {
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
		{"a port that is not a number", []string{"ADDR=127.0.0.1:http"}, ""},
		{"PORT is not a number", []string{"PORT=abc"}, ""},
		{"a large port", []string{"PORT=99999"}, ""},
	} {
		got, err := Read(c.environ)
		if c.addr == "" && err == nil || c.addr != "" && (err != nil || got.HTTP.Addr != c.addr) {
			t.Errorf("%s: %q, %v", c.reason, got.HTTP.Addr, err)
		}
	}
}

// TestMistakes checks that all mistakes are reported together, without values, which may be secrets.
func TestMistakes(t *testing.T) {
	t.Parallel()
	_, err := Read([]string{
		"ADDR=SECRET", "DATABASE_URL=SECRET", "DATABASE_CONNS=SECRET", "REDIS_URL=SECRET", "CACHE_TTL=SECRET",
		"JWT_SECRET=SECRET", "JWKS_URL=http://SECRET", "ALLOWED_ORIGINS=https://app.example/path", "LOG_LEVEL=SECRET",
		"STUDYCHAT_DATABSE_URL=SECRET",
	})
	if err == nil {
		t.Fatal("accepted")
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

// TestAuth requires exactly one kind of key, strong enough, and an issuer and an audience.
func TestAuth(t *testing.T) {
	t.Parallel()
	const (
		secret = "JWT_SECRET=0123456789abcdef0123456789abcdef" // 32 bytes
		keys   = "JWKS_URL=https://provider.example/keys"
		issuer = "JWT_ISSUER=https://provider.example"
		aud    = "JWT_AUDIENCE=studychat"
	)
	for _, c := range []struct {
		reason  string
		environ []string
		mistake string // "" means accepted
	}{
		{"a secret", []string{secret, issuer, aud}, ""},
		{"a key set", []string{keys, issuer, aud}, ""},
		{"a key set on this machine", []string{"JWKS_URL=http://127.0.0.1:8081/keys", issuer, aud}, ""},
		{"a secret beside a key set: a public key could be passed off as the secret", []string{secret, keys, issuer, aud}, "JWT_SECRET and JWKS_URL cannot both be set."},
		{"the same with the prefix", []string{"STUDYCHAT_" + secret, keys, issuer, aud}, "JWT_SECRET and JWKS_URL cannot both be set."},
		{"a secret that is a byte short", []string{secret[:len(secret)-1], issuer, aud}, "JWT_SECRET must have at least 32 bytes, not 31."},
		{"keys over an insecure connection", []string{"JWKS_URL=http://provider.example/keys", issuer, aud}, "JWKS_URL must be an https URL"},
		{"no address", []string{"JWKS_URL=/keys", issuer, aud}, "JWKS_URL must be an https URL"},
		{"tokens of any issuer", []string{secret, aud}, "JWT_ISSUER is required"},
		{"tokens of any issuer, with a key set", []string{keys, aud}, "JWT_ISSUER is required"},
		{"tokens for any audience", []string{secret, issuer}, "JWT_AUDIENCE is required"},
		{"tokens for any audience, with a key set", []string{keys, issuer}, "JWT_AUDIENCE is required"},
	} {
		_, err := Read(c.environ)
		if c.mistake == "" && err != nil || c.mistake != "" && (err == nil || !strings.Contains(err.Error(), c.mistake)) {
			t.Errorf("%s: %v, want %q", c.reason, err, c.mistake)
		}
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for url, good := range map[string]bool{
		"sqlite:x.db": true, "sqlite::memory:": true, "file:x.db": true, "postgres://u:p@h/d?sslmode=verify-full": true, "postgresql://h/d": true,
		"sqlite:": false, "mysql://h/d": false, "x.db": false, "postgres://u:SECRET@h:port/d": false, "postgres://u:SECRET@h/d?sslmode=bogus": false,
	} {
		_, err := Read([]string{"DATABASE_URL=" + url})
		if good != (err == nil) || err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestUnreadableValuesNameTheirSetting checks that an unparsable value of any setting that is not text is reported with
// the setting's name.
func TestUnreadableValuesNameTheirSetting(t *testing.T) {
	t.Parallel()
	fields, err := env.GetFieldParams(&Settings{})
	if err != nil {
		t.Fatal(err)
	}
	parsed := 0
	for _, field := range fields {
		if field.Key == "" || field.DefaultValue == "" || !isNumber(field.DefaultValue) {
			continue
		}
		parsed++
		_, err := Read([]string{field.Key + "=x"})
		if err == nil || !strings.HasPrefix(err.Error(), field.Key+" must be a ") {
			t.Errorf("%s: %v", field.Key, err)
		}
	}
	if want := countNumbers(reflect.TypeFor[Settings]()); parsed != want {
		t.Errorf("%d settings tried, %d fields are numbers or durations", parsed, want)
	}
}

func isNumber(value string) bool {
	_, err := time.ParseDuration(strings.TrimSuffix(value, "s") + "s")
	return err == nil
}

// countNumbers counts the integer fields with a setting in a struct and its nested structs.
func countNumbers(structure reflect.Type) (n int) {
	for i := range structure.NumField() {
		switch field := structure.Field(i); {
		case field.Type.Kind() == reflect.Struct:
			n += countNumbers(field.Type)
		case field.Tag.Get("env") != "" && field.Type.ConvertibleTo(reflect.TypeFor[int]()):
			n++
		}
	}
	return n
}

// TestNamesASettingOnce checks that an unparsable value is not reported as out of bounds as well.
func TestNamesASettingOnce(t *testing.T) {
	t.Parallel()
	_, err := Read([]string{"DATABASE_CONNS=many", "CACHE_TTL=5"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want two lines", err)
	}
}

func withTokens() []string {
	return []string{"JWT_SECRET=0123456789abcdef0123456789abcdef", "JWT_ISSUER=https://issuer.example", "JWT_AUDIENCE=studychat"}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": 0, "0": 0, "1": 24 * time.Hour, "3650": 3650 * 24 * time.Hour} {
		c, err := Read([]string{"RETENTION_DAYS=" + value})
		if err != nil || c.Database.Retention() != want {
			t.Errorf("%q: %s, %v", value, c.Database.Retention(), err)
		}
	}
	for _, value := range []string{"-1", "3651", "a week"} {
		if _, err := Read([]string{"RETENTION_DAYS=" + value}); err == nil || !strings.Contains(err.Error(), "RETENTION_DAYS") {
			t.Errorf("%q: %v", value, err)
		}
	}
}

func TestStartTimeouts(t *testing.T) {
	t.Parallel()
	c, err := Read([]string{"DATABASE_CONNECT_TIMEOUT=5m", "MIGRATION_TIMEOUT=2h"})
	if err != nil || c.Database.ConnectTimeout != 5*time.Minute || c.Database.MigrationTimeout != 2*time.Hour {
		t.Errorf("%+v, %v", c.Database, err)
	}
	for _, setting := range []string{"DATABASE_CONNECT_TIMEOUT=0s", "DATABASE_CONNECT_TIMEOUT=2h", "MIGRATION_TIMEOUT=0s", "MIGRATION_TIMEOUT=25h"} {
		name, _, _ := strings.Cut(setting, "=")
		if _, err := Read([]string{setting}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestRunMigrations(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{"": true, "auto": true, "check": true, "off": true, "yes": false} {
		if _, err := Read([]string{"RUN_MIGRATIONS=" + value}); good != (err == nil) || err != nil && !strings.Contains(err.Error(), "RUN_MIGRATIONS") {
			t.Errorf("%q: %v", value, err)
		}
	}
}
