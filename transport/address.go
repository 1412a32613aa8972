package transport

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addresses finds out who a request comes from, for limits.
type addresses struct{ proxies []netip.Prefix } // of ours: what they say in X-Forwarded-For is believed

// of is the client's address: the last one in X-Forwarded-For that no proxy of ours has, when the connection comes from a
// proxy of ours; else the connection's. What stands left of it anybody may have written. IPv6 addresses count by their /64:
// whoever has one has at least all of its network (RFC 6177), and could take another for each call.
func (a addresses) of(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !a.ours(address) {
			break
		}
		next, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = next.Unmap()
	}
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}

// parseHop reads an address, which some proxies (Azure's) write with a port.
func parseHop(hop string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(hop); err == nil {
		return with.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(hop, "[]"))
}

func (a addresses) ours(address netip.Addr) bool {
	return slices.ContainsFunc(a.proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
