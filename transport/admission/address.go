package admission

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Addresses finds the address that a request counts for, when limits are per address.
type Addresses struct {
	Proxies []netip.Prefix // our own: their X-Forwarded-For is believed
}

// Of is the client's address. When the connection comes from one of our proxies it is the last address in X-Forwarded-For
// that is not one of our proxies, else the connection's own. Anybody may have written the addresses left of it. IPv6
// addresses count by their /64: a client that has one address has at least all of its network (RFC 6177), and could take
// another address for each call.
func (a Addresses) Of(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := peer.Addr().Unmap()
	if a.ours(address) {
		address = a.before(address, r.Header.Values("X-Forwarded-For"))
	}
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}

// Trusts reports whether a request comes from one of our proxies.
func (a Addresses) Trusts(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && a.ours(peer.Addr().Unmap())
}

// before follows the hops back from one of our proxies.
func (a Addresses) before(address netip.Addr, forwarded []string) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
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
	return address
}

// parseHop reads an address, which some proxies (Azure's) write with a port.
func parseHop(hop string) (netip.Addr, error) {
	if with, err := netip.ParseAddrPort(hop); err == nil {
		return with.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(hop, "[]"))
}

func (a Addresses) ours(address netip.Addr) bool {
	return slices.ContainsFunc(a.Proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}
