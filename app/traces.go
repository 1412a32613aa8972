package app

import (
	"context"

	"studychat/config"
	"studychat/db/sqlstore"
	"studychat/metrics"
	"studychat/traces"
	"studychat/transport"
)

// startTraces begins to trace if a collector is named. Else nothing of it exists. What is recorded last is sent when all other parts have
// stopped.
func (a *app) startTraces(ctx context.Context, settings config.Traces) (err error) {
	if settings.Endpoint == "" {
		return nil
	}
	a.traces, err = traces.Start(context.WithoutCancel(ctx), traces.Options{
		Endpoint: settings.Endpoint, Sampler: settings.Sampler, Ratio: settings.SamplerArg, Service: settings.Service, Version: metrics.Built()[0], Log: a.log,
	})
	if err != nil {
		return err
	}
	a.onStop(func() error {
		if err := a.traces.Stop(); err != nil {
			a.log.Warn("the last traces were not sent", "error", err)
		}
		return nil
	})
	a.log.Info("Traces are sent", "sampler", settings.Sampler)
	return nil
}

// traceStore makes a store trace its statements and its writes.
func (a *app) traceStore(o *sqlstore.OpenOptions) {
	if a.traces != nil {
		o.Hook, o.Tracer = a.traces.Statements(), a.traces
	}
}

// traceRedis makes both clients trace their commands.
func (a *app) traceRedis(r remote) {
	if a.traces != nil {
		r.conn.Cache.Client.AddHook(a.traces.Redis())
		r.conn.Bus.Client.AddHook(a.traces.Redis())
	}
}

// traceOperations makes the transports trace operations.
func (a *app) traceOperations(o *transport.Options) {
	if a.traces != nil {
		o.Trace = func(ctx context.Context, o transport.Traced) (context.Context, string, func(string)) {
			return a.traces.Operation(ctx, traces.Operation(o))
		}
	}
}
