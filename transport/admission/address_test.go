package admission

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	proxies := Addresses{[]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, c := range []struct {
		reason, peer string
		forwarded    []string
		want         string
	}{
		{"no proxy", "192.0.2.7:1000", nil, "192.0.2.7"},
		{"who is no proxy of ours is not believed", "192.0.2.7:1000", []string{"198.51.100.1"}, "192.0.2.7"},
		{"our proxy", "10.1.1.1:1000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote itself stands left", "10.1.1.1:1000", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies of ours", "10.1.1.1:1000", []string{"203.0.113.9, 198.51.100.1, 10.2.2.2"}, "198.51.100.1"},
		{"two headers", "10.1.1.1:1000", []string{"203.0.113.9", "198.51.100.1"}, "198.51.100.1"},
		{"a proxy that tells the port", "10.1.1.1:1000", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"the same of IPv6", "10.1.1.1:1000", []string{"[2001:db8:1:2::9]:4711"}, "2001:db8:1:2::/64"},
		{"brackets alone", "10.1.1.1:1000", []string{"[2001:db8:1:2::9]"}, "2001:db8:1:2::/64"},
		{"our proxy says nothing", "10.1.1.1:1000", nil, "10.1.1.1"},
		{"our proxy says nonsense", "10.1.1.1:1000", []string{"unknown"}, "10.1.1.1"},
		{"nonsense behind a proxy", "10.1.1.1:1000", []string{"x, 10.2.2.2"}, "10.2.2.2"},
		{"IPv6 counts by its network", "[2001:db8:1:2:3:4:5:6]:1000", nil, "2001:db8:1:2::/64"},
		{"IPv6 behind a proxy of ours", "[fd00::1]:1000", []string{"2001:db8:1:2:ffff::1"}, "2001:db8:1:2::/64"},
		{"IPv4 in IPv6's clothes", "[::ffff:192.0.2.7]:1000", nil, "192.0.2.7"},
		{"a zone", "[fe80::1%eth0]:1000", nil, "fe80::/64"},
		{"no address", "pipe", nil, "pipe"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.RemoteAddr = c.peer
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		if got := proxies.Of(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.reason, got, c.want)
		}
	}
}
