package transport

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// warningEvery is how often one cause is logged: anybody may cause these lines.
const warningEvery = time.Minute

// maxShown bounds, in bytes, what a line quotes of a request.
const maxShown = 100

// A cause is why requests are refused that the server's operator may have wanted to admit. setting names what would admit
// them.
type cause struct{ message, setting string }

var (
	causeOrigin   = cause{"a request of another origin was refused", "ALLOWED_ORIGINS"}
	causeHost     = cause{"a request to another host name was refused: without authentication only names of this machine are answered", "JWT_SECRET or JWKS_URL"}
	causeUser     = cause{"a connection was refused: this user has as many as allowed", "CONNECTIONS_PER_USER"}
	causeAddress  = cause{"a connection was refused: this address has as many as allowed", "CONNECTIONS_PER_ADDRESS"}
	causeReserved = cause{"a reservation was refused: this user has 100 streams reserved", ""}
	causeUpgrade  = cause{"a WebSocket handshake lost its upgrade on the way, probably in a proxy", "the proxy's own, which must pass on Upgrade and Connection"}
	causeBodies   = cause{"a large request was refused: those under way take all the memory that is for them", ""}
)

// warnings logs refusals, one line per cause and minute.
type warnings struct {
	log *slog.Logger

	mu   sync.Mutex
	told map[cause]*warned
}

type warned struct {
	last    time.Time
	leftOut int // since then
}

func newWarnings(log *slog.Logger) *warnings { return &warnings{log: log, told: map[cause]*warned{}} }

// refused logs that r was refused. A line never holds a token: of a request it quotes the origin and the host alone.
func (a *warnings) refused(c cause, r *http.Request) {
	leftOut, due := a.due(c)
	if !due {
		return
	}
	a.log.WarnContext(
		r.Context(), c.message, "origin", shownOrigin(r.Header.Get("Origin")), "host", shown(r.Host),
		"setting", c.setting, "leftOut", leftOut,
	)
}

// due says whether a line may be written now, and how many were left out since the last one.
func (a *warnings) due(c cause) (leftOut int, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.told[c]
	if w == nil {
		w = &warned{}
		a.told[c] = w
	}
	if now := time.Now(); w.last.IsZero() || now.Sub(w.last) >= warningEvery {
		leftOut, w.leftOut, w.last = w.leftOut, 0, now
		return leftOut, true
	}
	w.leftOut++
	return 0, false
}

// shownOrigin is an origin as browsers write it. Anything else may hold what does not belong into a log.
func shownOrigin(origin string) string {
	if origin == "" || origin == "null" {
		return origin
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return "not an origin"
	}
	return shown(u.Scheme + "://" + u.Host)
}

// shown keeps what a name or an address is made of.
func shown(text string) string {
	text = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' {
			return r
		}
		return '?'
	}, text[:min(len(text), maxShown)])
	return text
}
