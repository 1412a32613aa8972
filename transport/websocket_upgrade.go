package transport

import (
	"net/http"
	"slices"
	"strings"

	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/params"
)

// wantsSocket is false for other upgrades that a client offers, such as HTTP/2, which may be ignored.
func wantsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// connectionUpgrades says whether the header Connection, a list, has the token "upgrade".
func connectionUpgrades(r *http.Request) bool {
	tokens := strings.Split(strings.Join(r.Header.Values("Connection"), ","), ",")
	return slices.ContainsFunc(tokens, func(token string) bool { return strings.EqualFold(strings.TrimSpace(token), "upgrade") })
}

// lostUpgrade recognizes a handshake whose Upgrade header was dropped by a proxy that does not support WebSocket. A GET with a
// query is not one, although some proxies set Connection on each request.
func lostUpgrade(r *http.Request) bool {
	if r.Method != http.MethodGet || wantsSocket(r) {
		return false
	}
	values := r.URL.Query()
	if slices.ContainsFunc(append([]string{"query", "extensions"}, params.DocumentIDs...), values.Has) {
		return false
	}
	return connectionUpgrades(r) || hasAny(r.Header, "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")
}

func (t *Transport) refuseLostUpgrade(w http.ResponseWriter, r *http.Request) {
	t.warnings.Refused(admission.UpgradeLost, r)
	w.Header().Set("Upgrade", "websocket") // RFC 9110, 15.5.22
	w.Header().Set("Connection", "Upgrade")
	t.refuse.with(w, r, http.StatusUpgradeRequired, db.CodeBadUserInput, "This looks like a WebSocket handshake whose headers Upgrade and Connection were lost on the way, probably in a proxy: set it to pass WebSockets on.")
}
