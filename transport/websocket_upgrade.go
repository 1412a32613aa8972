package transport

import (
	"net/http"
	"strings"

	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/params"
)

// wantsSocket is false for other offers to upgrade, such as one of HTTP/2: those may be ignored.
func wantsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// upgrades says whether the rest of the handshake is complete (RFC 6455, 4.2.1).
func upgrades(r *http.Request) bool {
	return connectionUpgrades(r) && r.Header.Get("Sec-WebSocket-Key") != ""
}

// connectionUpgrades says whether the header Connection, a list, has the token "upgrade".
func connectionUpgrades(r *http.Request) bool {
	for token := range strings.SplitSeq(strings.Join(r.Header.Values("Connection"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
			return true
		}
	}
	return false
}

// lostUpgrade recognizes a handshake whose Upgrade header was dropped by a proxy that does not support WebSocket. A GET with a
// query is not one, although some proxies set Connection on each request.
func lostUpgrade(r *http.Request) bool {
	if r.Method != http.MethodGet || wantsSocket(r) {
		return false
	}
	values := r.URL.Query()
	for _, name := range append([]string{"query", "extensions"}, params.DocumentIDs...) {
		if values.Has(name) {
			return false
		}
	}
	for _, name := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return connectionUpgrades(r)
}

func (t *Transport) refuseLostUpgrade(w http.ResponseWriter, r *http.Request) {
	t.warnings.Refused(admission.UpgradeLost, r)
	w.Header().Set("Upgrade", "websocket") // RFC 9110, 15.5.22
	w.Header().Set("Connection", "Upgrade")
	t.refuse.with(w, r, http.StatusUpgradeRequired, db.CodeBadUserInput, "This looks like a WebSocket handshake whose headers Upgrade and Connection were lost on the way, probably in a proxy: set it to pass WebSockets on.")
}
