package sqlstore_test

import (
	"strings"
	"testing"

	"studychat/db/sqlstore"
)

// TestCheckURLNamesThePart: a URL that cannot be used is answered with the part that is wrong, and with nothing of it.
func TestCheckURLNamesThePart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ url, says string }{
		{"postgres://u:SECRET@SECRET/SECRET@h:5432/d", "write @ as %40, / as %2F"},
		{"postgres://u:SECRET@SECRET@h/d", "second @"},
		{"postgres://u:SECRET/SECRET@h/d", "second @, or a / before its @"},
		{"postgres://u:SECRET%zz@h/d", "the user or the password"},
		{"postgres://u:SECRET%@h/d", "% as %25"},
		{"postgres://u:SECRET@h%zz/d", "the host"},
		{"postgres://u:SECRET@[::1/d", "[address] for IPv6"},
		{"postgres://u:SECRET@[]/d", "[address] for IPv6"},
		{"postgres://u:SECRET@h:port/d", "the port"},
		{"postgres://u:SECRET@h:0/d", "the port"},
		{"postgres://u:SECRET@h:65536/d", "the port"},
		{"postgres://u:SECRET@h1:5432,h2:x/d", "the port"},
		{"postgres://u:SECRET:SECRET?h/d", "the port"},
		{"postgres://u:SECRET@h/d%zz", "the database's name"},
		{"postgres://u:SECRET@h/d?sslmode=bogus", "sslmode in the database URL must be one of disable, allow, prefer, require, verify-ca, verify-full"},
		{"postgres://u:SECRET@h/d?application_name=me&sslmode=bogus&connect_timeout=1", "sslmode"},
		{"postgres://u:SECRET@h/d?connect_timeout=soon", "connect_timeout"},
		{"postgres://u:SECRET@h/d?sslmode=verify-full&sslrootcert=/no/SECRET.pem", "sslrootcert"},
		{"postgres://u:SECRET@h/d?target_session_attrs=SECRET", "target_session_attrs"},
		{"postgres://u:SECRET@h/d?SECRET", "name=value"},
		{"postgres://u:SECRET@h/d?password=SECRET%zz", "name=value"},
		{"postgres://u:SECRET@h/d?sslmode=bogus&connect_timeout=soon", "more than one"},
		{"postgres:u:SECRET@h/d", "must start with postgres://"},
		{"mysql://u:SECRET@h/d", "unknown scheme"},
	} {
		err := sqlstore.CheckURL(test.url)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: got %v, want %q", test.url, err, test.says)
		}
	}
}

func TestCheckURLAccepts(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://u:p@h/d", "postgres://u:p%40ss%2Fw@h:5432/d", "postgresql://h1:1,h2:2/d", "postgres://[::1]:5432/d", "postgres:///d?host=/var/run/postgresql",
		"postgres://u:p?#:w@h/d", "postgres://h", "postgres://u@h/d%40e?application_name=me@example.com", "postgres://h:/d", "postgres://%2Fvar%2Frun/d",
	} {
		if err := sqlstore.CheckURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestCheckURLAndTheEnvironment: when the environment is at fault, the URL is not blamed. It sets variables, so it runs alone.
func TestCheckURLAndTheEnvironment(t *testing.T) {
	t.Setenv("PGSSLMODE", "bogus")
	if err := sqlstore.CheckURL("postgres://u:SECRET@h/d"); err == nil || !strings.Contains(err.Error(), "PGSSLMODE") || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("got %v", err)
	}
	if err := sqlstore.CheckURL("postgres://u:SECRET@h/d?sslmode=disable"); err != nil {
		t.Errorf("the URL says it better, and still: %v", err)
	}
}

// FuzzCheckURL: no URL makes an error that repeats the password.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"postgres://u:%s@h/d", "postgres://u:%s@x/y@h/d?sslmode=%s", "postgres://%s", "postgres://h/d?%s=1", "%s", "sqlite:%s?"} {
		f.Add(strings.ReplaceAll(seed, "%s", "hunter2"))
	}
	f.Fuzz(func(t *testing.T, url string) {
		if len(url) > 1000 {
			return // each setting after the ? is tried alone
		}
		if err := sqlstore.CheckURL(url); err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	})
}
