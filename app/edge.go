package app

import (
	"context"
	"time"

	"studychat/auth"
	"studychat/config"
	"studychat/db/sqlstore"
	"studychat/graph"
	"studychat/rate"
	"studychat/transport"
)

// edgeOptions returns limits and documents. Rates are counted in Redis if it is configured.
func (a *app) edgeOptions(settings config.Settings, r remote) graph.Options {
	options := graph.Options{Introspection: settings.Introspection(), TrustedMode: settings.Documents.Mode}
	if settings.Documents.Manifest != nil {
		options.Trusted = settings.Documents.Manifest
		a.log.Info("Trusted documents", "mode", settings.Documents.Trusted, "documents", settings.Documents.Manifest.Len())
	}
	if settings.Auth.Enabled() { // the single local user needs no limits
		options.Limiter = a.newLimiter(r)
		options.PerUser = rate.Limit{PerSecond: settings.Limits.MutationRate, Burst: settings.Limits.MutationBurst}
		options.PerAddress = rate.Limit{PerSecond: settings.Limits.AddressMutationRate, Burst: settings.Limits.AddressMutationBurst}
	}
	return options
}

func (a *app) newLimiter(r remote) rate.Limiter {
	here := rate.NewMemory()
	a.sources.Redis.Refused = here.Refused
	if r.conn == nil {
		return here
	}
	shared := rate.NewRedis(r.conn.Cache, here)
	a.onStop(func() error { shared.Stop(); return nil })
	return shared
}

func (a *app) newVerifier(settings config.Settings, now func() time.Time) (auth.Verifier, error) {
	if !settings.Auth.Enabled() {
		a.log.Info("No authentication configured: one local user, loopback only")
		return auth.Local{}, nil
	}
	verifier, err := auth.NewJWT(context.Background(), auth.JWTConfig{
		Secret: settings.Auth.Secret, JWKSURL: settings.Auth.JWKSURL, Issuer: settings.Auth.Issuer, Audience: settings.Auth.Audience, Now: now, Log: a.log,
	})
	if err != nil {
		return nil, err
	}
	a.onStop(func() error { verifier.Stop(); return nil })
	return verifier, nil
}

// readiness reports the state of all parts. The server is not ready without its database, or with a clock that is off by more than
// MaxClockOffset; without Redis it is.
func readiness(store *sqlstore.Store, r remote) func(context.Context) transport.Readiness {
	return func(ctx context.Context) transport.Readiness {
		out := transport.Readiness{Ready: true, Parts: map[string]string{"database": "ok", "clock": "ok"}}
		if err := store.Ping(ctx); err != nil {
			out.Ready, out.Parts["database"] = false, "down"
		}
		out.Parts["load"] = "ok"
		if store.Overloaded(true) {
			out.Parts["load"] = "shedding"
		}
		if offset := store.ClockOffset(); offset.Abs() > sqlstore.ClockWarning {
			out.Ready = out.Ready && offset.Abs() <= sqlstore.MaxClockOffset
			out.Parts["clock"] = "off by " + offset.Abs().Round(time.Second).String()
		}
		out.Parts["redis"] = r.state()
		if trouble := r.trouble(); trouble != "" {
			out.Parts["redis_reason"] = trouble
		}
		return out
	}
}

// state is what /readyz says of Redis.
func (r remote) state() string {
	switch {
	case r.conn == nil:
		return "not configured"
	case r.trouble() != "":
		return "degraded"
	default:
		return "ok"
	}
}

// trouble says what of Redis does not work, or "".
func (r remote) trouble() string {
	if r.conn == nil {
		return ""
	}
	return r.conn.Cache.Health.Trouble()
}
