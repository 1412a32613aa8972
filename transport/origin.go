package transport

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"studychat/db"
)

// origins decides which web pages may call: those of our own host and those that are listed. Programs that are no
// browser send no Origin and pass: a token, not the origin, is what lets them in.
type origins struct {
	allowed    []string
	protection *http.CrossOriginProtection
	warnings   *warnings
}

func newOrigins(allowed []string, warnings *warnings) origins {
	o := origins{allowed: allowed, protection: http.NewCrossOriginProtection(), warnings: warnings}
	for _, origin := range allowed {
		_ = o.protection.AddTrustedOrigin(origin) // the settings were checked to hold origins
	}
	o.protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		warnings.refused(causeOrigin, r)
		refuse(w, http.StatusForbidden, db.CodeForbidden, "Pages of this origin may not call.")
	}))
	return o
}

// protect refuses what a browser says a foreign page sends (Sec-Fetch-Site, Origin), but for safe methods, which change
// nothing.
func (o origins) protect(next http.Handler) http.Handler { return o.protection.Handler(next) }

// listed says whether another origin may call.
func (o origins) listed(origin string) bool { return slices.Contains(o.allowed, origin) }

// admits says whether a request may open a socket or a stream, which browsers allow across origins without asking. A page
// that gives up reading the answer (fetch with mode "no-cors") sends no Origin; its browser says all the same whose it is.
// A refusal is logged: the page sees none of its reason, and the usual one is a proxy that changes the Host.
func (o origins) admits(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	admitted := o.listed(origin) || isOwn(origin, r)
	if origin == "" {
		admitted = slices.Contains([]string{"", "same-origin", "none"}, r.Header.Get("Sec-Fetch-Site"))
	}
	if !admitted {
		o.warnings.refused(causeOrigin, r)
	}
	return admitted
}

func isOwn(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// local refuses other names than this machine's where there is no authentication. A page of attacker.example whose name
// was made to point to 127.0.0.1 (DNS rebinding) is of our own origin as far as its browser knows; only the Host shows it.
func (t *Transport) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.options.LocalOnly && !isLocalName(r.Host) {
			t.warnings.refused(causeHost, r)
			refuse(w, http.StatusForbidden, db.CodeForbidden, "Without authentication this server answers to localhost only.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// cors answers preflights (Fetch standard, CORS protocol) and marks answers for listed origins. No credentials: tokens
// travel in a header, there are no cookies.
func (o origins) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if len(o.allowed) > 0 {
			w.Header().Add("Vary", "Origin, Access-Control-Request-Headers")
		}
		if o.listed(origin) {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
			h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers")) // any: the origin is listed, and no cookie rides along
			h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
			h.Set("Access-Control-Max-Age", "600")
		}
		if r.Method == http.MethodOptions {
			if origin != "" && !o.listed(origin) && !isOwn(origin, r) {
				o.warnings.refused(causeOrigin, r) // its browser will not send the request itself
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
