// Package admission decides which requests may come in: from which pages and hosts, how many connections for a user and
// an address; and logs what it refuses.
package admission

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Origins decides which web pages may call: those of our own host and those that are listed. Programs other than browsers
// send no Origin and pass: they need a token, and no page can use it for them.
type Origins struct {
	allowed    []string
	protection *http.CrossOriginProtection
	warnings   *Warnings
}

// NewOrigins admits the pages of these origins; denied answers for the requests that Protect refuses.
func NewOrigins(allowed []string, warnings *Warnings, denied http.HandlerFunc) Origins {
	o := Origins{allowed: allowed, protection: http.NewCrossOriginProtection(), warnings: warnings}
	for _, origin := range allowed {
		_ = o.protection.AddTrustedOrigin(origin) // the settings were checked to hold origins
	}
	o.protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		warnings.Refused(OriginRefused, r)
		denied(w, r)
	}))
	return o
}

// Protect refuses requests of foreign pages, as browsers mark them (Sec-Fetch-Site, Origin), except for safe methods, which
// change nothing.
func (o Origins) Protect(next http.Handler) http.Handler { return o.protection.Handler(next) }

// listed says whether another origin may call.
func (o Origins) listed(origin string) bool { return slices.Contains(o.allowed, origin) }

// Admits says whether a request may open a socket or a stream, which browsers allow across origins without asking. A page
// that gives up reading the answer (fetch with mode "no-cors") sends no Origin; its browser marks it with Sec-Fetch-Site.
// A refusal is logged, since the page cannot see the reason; usually a proxy has changed the Host.
func (o Origins) Admits(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	admitted := o.listed(origin) || isOwn(origin, r)
	if origin == "" {
		admitted = slices.Contains([]string{"", "same-origin", "none"}, r.Header.Get("Sec-Fetch-Site"))
	}
	if !admitted {
		o.warnings.Refused(OriginRefused, r)
	}
	return admitted
}

func isOwn(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// LocalName says whether a Host names this machine, as that of every request must where there is no authentication. A
// page of attacker.example whose name was made to point to 127.0.0.1 (DNS rebinding) is of our own origin as far as its
// browser knows; only the Host shows it.
func LocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// CORS answers preflights (Fetch standard, CORS protocol) and marks answers for listed origins. No credentials: tokens
// travel in a header, there are no cookies.
func (o Origins) CORS(next http.Handler) http.Handler {
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
				o.warnings.Refused(OriginRefused, r) // its browser will not send the request itself
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
