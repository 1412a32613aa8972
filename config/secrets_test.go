package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsFromFiles: each of them, with the prefix too, and without the end of the line that editors leave.
func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	write := func(content string) string {
		name := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	s, err := Read([]string{
		"DATABASE_URL_FILE=" + write("sqlite::memory:\n"), "REDIS_URL_FILE=" + write("https://one.upstash.io\r\n"), "STUDYCHAT_REDIS_TOKEN_FILE=" + write("abc"),
		"JWT_SECRET_FILE=" + write(strings.Repeat("s", 32)+"\n"), "JWT_ISSUER=i", "JWT_AUDIENCE=a",
	})
	if err != nil || s.Database.URL != "sqlite::memory:" || s.Redis.URL != "https://one.upstash.io" || s.Redis.Token != "abc" || s.Auth.Secret != strings.Repeat("s", 32) {
		t.Errorf("%+v, %v", s, err)
	}
	for name, test := range map[string]struct {
		environ []string
		says    string
	}{
		"both":      {[]string{"JWT_SECRET=" + strings.Repeat("x", 32), "JWT_SECRET_FILE=" + write("y")}, "JWT_SECRET and JWT_SECRET_FILE cannot both be set."},
		"no file":   {[]string{"JWT_SECRET_FILE=/nowhere/secret"}, "JWT_SECRET_FILE cannot be read: open /nowhere/secret: no such file or directory."},
		"empty":     {[]string{"REDIS_URL_FILE=" + write("\n")}, "REDIS_URL_FILE names an empty file."},
		"too large": {[]string{"DATABASE_URL_FILE=" + write(strings.Repeat("x", maxSecretFile+1))}, "DATABASE_URL_FILE names a file of more than 64 KiB."},
		"no secret": {[]string{"STUDYCHAT_ADDR_FILE=x"}, "STUDYCHAT_ADDR_FILE is not a setting."},
		"a mistake": {[]string{"JWT_SECRET_FILE=" + write("short")}, "JWT_SECRET must have at least 32 bytes, not 5."},
	} {
		if _, err := Read(test.environ); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLogFormat: what a terminal decides, or one of the two.
func TestLogFormat(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"auto", "json", "text"} {
		if s, err := Read([]string{"LOG_FORMAT=" + format}); err != nil || s.Log.Format != format {
			t.Errorf("%s: %+v, %v", format, s.Log, err)
		}
	}
	if _, err := Read([]string{"LOG_FORMAT=xml"}); err == nil || err.Error() != "LOG_FORMAT must be auto, json or text." {
		t.Errorf("xml: %v", err)
	}
}
