package redisconn

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzRedisURLRoundTrip: settings written as an address, the parts escaped as users are told to, are read as those settings,
// and neither what is printed of them nor any error shows the password.
func FuzzRedisURLRoundTrip(f *testing.F) {
	f.Add(uint8(0), "", "", "cache", uint16(6379), uint16(0), false)
	f.Add(uint8(1), "app", "p@ss:w/o?r#d,%", "10.0.0.1", uint16(1), uint16(15), true)
	f.Add(uint8(2), "", "é\x00\n", "::1", uint16(65535), uint16(2), true)
	f.Add(uint8(2), "a", "%2C%25", "a_b-c.d", uint16(7000), uint16(0), false)
	f.Fuzz(func(t *testing.T, kind uint8, user, password, host string, port, db uint16, tls bool) {
		want := Settings{user: user, password: password, db: int(db % (1 << 15)), tls: tls}
		raw, ok := writeRedisURL(&want, kind, host, port)
		if !ok {
			return
		}
		got, err := ParseURL(raw, "")
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if got.user != want.user || got.password != want.password || got.db != want.db || got.tls != want.tls ||
			got.kind != want.kind || got.master != want.master || !slices.Equal(got.addrs, want.addrs) {
			t.Fatalf("%q is read as %s", raw, got.Describe())
		}
		if nothing := (Settings{kind: got.kind, addrs: got.addrs, db: got.db, tls: got.tls, master: got.master}); got.Describe() != nothing.Describe() {
			t.Fatalf("user or password change what is printed: %s", got.Describe())
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if len(password) > 8 && !strings.Contains(got.Describe(), password) && strings.Contains(fmt.Sprintf(verb, got), password) {
				t.Fatalf("%s prints the password", verb)
			}
		}
		// Cut anywhere, as by a careless copy: an error may come, the secret may not.
		for _, secret := range []string{password, escaped(password)} {
			for cut := range raw {
				if _, err := ParseURL(raw[:cut], ""); err != nil && len(secret) > 8 && strings.Contains(err.Error(), secret) {
					t.Fatalf("the error of %d bytes shows the password: %v", cut, err)
				}
			}
		}
	})
}

// escaped also writes what PathEscape leaves alone, and a list or a URL would not.
func escaped(s string) string {
	return strings.NewReplacer(",", "%2C", ":", "%3A", "@", "%40").Replace(url.PathEscape(s))
}

// writeRedisURL completes what it wants to be read; false for hosts and users that no address can have.
func writeRedisURL(want *Settings, kind uint8, host string, port uint16) (string, bool) {
	ipv6 := strings.HasPrefix(host, ":")
	if port == 0 || !hostName.MatchString(host) && host != "::1" || want.password == "" && want.user != "" {
		return "", false
	}
	if ipv6 {
		host = "[" + host + "]"
	}
	authority := ""
	if want.password != "" {
		authority = escaped(want.user) + ":" + escaped(want.password) + "@"
	}
	addr := fmt.Sprintf("%s:%d", host, port)
	want.addrs = []string{addr}
	scheme := "redis"
	if want.tls {
		scheme = "rediss"
	}
	switch kind % 3 {
	case 1: // a cluster of two
		want.kind, want.db, want.addrs = cluster, 0, []string{addr, "z.example:6379"}
		slices.Sort(want.addrs)
		return scheme + "://" + authority + addr + "," + scheme + "://z.example", addr != "z.example:6379"
	case 2:
		want.kind, want.tls, want.master = sentinel, false, "the-master"
		return fmt.Sprintf("redis+sentinel://%s%s/the-master/%d", authority, addr, want.db), true
	}
	want.kind = single
	return fmt.Sprintf("%s://%s%s/%d", scheme, authority, addr, want.db), true
}
