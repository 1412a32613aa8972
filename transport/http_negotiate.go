package transport

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"

	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/params"
)

// Media types that we answer with.
const (
	mediaGraphQL = "application/graphql-response+json" // GraphQL over HTTP
	mediaJSON    = "application/json"                  // its legacy form: request errors have status 200
	mediaEvents  = "text/event-stream"
)

// A memo remembers what was found out about the values of a header: clients send the same ones again and again. It is bounded.
type memo struct{ known *lru.Cache[string, string] }

const (
	maxMemos     = 1000
	maxMemoBytes = 300 // of a value
)

func newMemo() memo {
	known, _ := lru.New[string, string](maxMemos) // fails for sizes below 1 alone
	return memo{known}
}

func (m memo) of(value string, find func(value string) string) string {
	if found, ok := m.known.Get(value); ok {
		return found
	}
	found := find(value)
	if len(value) <= maxMemoBytes {
		m.known.Add(strings.Clone(value), found)
	}
	return found
}

var medias, encodings = newMemo(), newMemo()

// negotiate picks the media type of the answer. "" means that nothing fits: 406.
func negotiate(accept []string) string {
	return medias.of(joined(accept), negotiateMedia)
}

// negotiateMedia picks the media type (RFC 9110, 12.5.1): the highest q; among equals the one named first, since some clients
// (urql) name events after JSON in every request and expect JSON.
func negotiateMedia(header string) string {
	if strings.TrimSpace(header) == "" {
		return mediaJSON
	}
	var best preference
	for _, media := range []string{mediaJSON, mediaGraphQL, mediaEvents} { // in this order where a wildcard leaves it to us
		if p := preferenceFor(media, header); p.better(best) {
			best = p
		}
	}
	return best.media
}

type preference struct {
	media    string
	q        float64
	position int // of the range that names it; wildcards come after all others
}

func (p preference) better(than preference) bool {
	return p.q > than.q || p.q == than.q && p.q > 0 && p.position < than.position
}

// preferenceFor is the preference of the header for media, a media type or an encoding; the most specific range that matches
// decides.
func preferenceFor(media, header string) preference {
	p, specificity := preference{media: media}, -1
	for i, part := range strings.Split(header, ",") {
		accepted, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		s := specific(accepted, media)
		if s <= specificity {
			continue
		}
		q, ok := quality(parameters)
		if !ok {
			continue
		}
		specificity, p.q, p.position = s, q, i
		if s < 2 {
			p.position += len(header)
		}
	}
	return p
}

// specific is 2 for the media type itself, 1 for its family, 0 for anything, and -1 for another one. Wildcards do not
// include events: a client that does not name them cannot read them.
func specific(accepted, media string) int {
	family, _, isType := strings.Cut(media, "/")
	switch {
	case accepted == media:
		return 2
	case media == mediaEvents:
		return -1
	case accepted == family+"/*":
		return 1
	case isType && accepted == "*/*", !isType && accepted == "*":
		return 0
	}
	return -1
}

func quality(parameters map[string]string) (float64, bool) {
	text, given := parameters["q"]
	if !given {
		return 1, true
	}
	q, err := strconv.ParseFloat(text, 64)
	return q, err == nil && q >= 0 && q <= 1
}

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
