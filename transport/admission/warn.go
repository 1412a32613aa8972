package admission

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"studychat/metrics/tally"
	"studychat/sample"
)

// WarningEvery is how often one cause is logged, since anybody may cause these lines.
const WarningEvery = time.Minute

// maxShown bounds, in bytes, what a line quotes of a request.
const maxShown = 100

// A Cause is why requests are refused that the operator of the server may have wanted to admit. setting names the setting
// that would admit them.
type Cause struct{ reason, message, setting string }

// The causes.
var (
	OriginRefused   = Cause{"origin", "a request of another origin was refused", "ALLOWED_ORIGINS"}
	HostRefused     = Cause{"host", "a request to another host name was refused: without authentication only names of this machine are answered", "JWT_SECRET or JWKS_URL"}
	UserRefused     = Cause{"user_limit", "a connection was refused: this user has as many as allowed", "CONNECTIONS_PER_USER"}
	AddressRefused  = Cause{"address_limit", "a connection was refused: this address has as many as allowed", "CONNECTIONS_PER_ADDRESS"}
	TotalRefused    = Cause{"total_limit", "a connection was refused: this instance has as many as allowed", "MAX_CONNECTIONS"}
	ReservedRefused = Cause{"reservation_limit", "a reservation was refused: this user has 100 streams reserved", ""}
	UpgradeLost     = Cause{"upgrade_lost", "a WebSocket handshake lost its upgrade on the way, probably in a proxy", "the proxy's own, which must pass on Upgrade and Connection"}
	RateLimited     = Cause{"rate_limit", "mutations were refused: a user or an address sends too many", "MUTATION_RATE or ADDRESS_MUTATION_RATE"}
	Overloaded      = Cause{"overloaded", "new queries or mutations are refused, since connections of the database are waited for more than a second", "DATABASE_CONNS"}
	BodiesRefused   = Cause{"large_bodies", "a large request was refused: the large requests under way use all the memory set aside for them", ""}
)

// Reasons are why connections and requests are refused: the causes, and that the instance stops. Tokens and mutations count elsewhere.
func Reasons() []string {
	all := []string{"stopping"}
	for _, cause := range []Cause{OriginRefused, HostRefused, UserRefused, AddressRefused, ReservedRefused, UpgradeLost, BodiesRefused} {
		all = append(all, cause.reason)
	}
	return all
}

// TokenRefused is the cause of tokens that are refused for a reason of package auth.
func TokenRefused(reason string) Cause {
	setting := map[string]string{"issuer": "JWT_ISSUER", "audience": "JWT_AUDIENCE", "signature": "JWT_SECRET or JWKS_URL", "key": "JWKS_URL"}[reason]
	return Cause{reason, "a request or a socket without a valid token was refused", setting}
}

// Warnings logs refusals, at most one line per cause and minute.
type Warnings struct {
	log    *slog.Logger
	counts *Counts
	lines  *sample.Lines[Cause]
}

// Counts is how much was refused, by reason.
type Counts = tally.Family[string, tally.Counter]

// NewWarnings logs to log, and counts every refusal, also those that are not logged.
func NewWarnings(log *slog.Logger, counts *Counts) *Warnings {
	return &Warnings{log: log, counts: counts, lines: sample.NewLines[Cause](WarningEvery, 1)}
}

// Refused logs that r was refused. The line quotes nothing of the request but its origin and host, so it never holds a token.
func (w *Warnings) Refused(c Cause, r *http.Request) {
	w.counts.Of(c.reason).Add(1)
	w.Warn(r.Context(), c, "origin", shownOrigin(r.Header.Get("Origin")), "host", shown(r.Host))
}

// Warn logs a cause, for what is counted elsewhere. The line says how many others were left out since the one before.
func (w *Warnings) Warn(ctx context.Context, c Cause, more ...any) {
	if leftOut, due := w.lines.Due(c); due {
		w.log.WarnContext(ctx, c.message, append(more, "reason", c.reason, "setting", c.setting, "leftOut", leftOut)...)
	}
}

// shownOrigin is an origin as browsers write it. Anything else may hold secrets, so it is not quoted.
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

// shown keeps the characters of names and addresses.
func shown(text string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f && r != '"' && r != '\\' {
			return r
		}
		return '?'
	}, text[:min(len(text), maxShown)])
}
