package metrics

import (
	"studychat/events"
	"studychat/events/hub"
)

// live is the metrics of the live path.
func live(h *hub.Hub) []Metric {
	return []Metric{
		{
			Name: "studychat_subscriptions", Help: "Subscriptions that are open: to one chat, or to all chats of a viewer.", Labels: []string{"kind"},
			read: func(to reading) {
				now := h.Following()
				to.gauge(float64(now.Chats), "chat")
				to.gauge(float64(now.Feeds), "feed")
			},
		},
		{
			Name: "studychat_hub_topics", Help: "Chats that somebody follows on this instance, by themselves or in a feed.",
			read: func(to reading) { to.gauge(float64(h.Following().Topics)) },
		},
		{
			Name: "studychat_events_delivered_total", Help: "Events that were handed to connections, each as often as there were connections.", Labels: []string{"kind"},
			read: func(to reading) { to.counters(h.Stats().Delivered.All()) },
		},
		{
			Name: "studychat_event_delivery_seconds", Help: "From the stamp of an event in its transaction to its connections, by how this instance learnt of it. Replays do not count.",
			Labels: []string{"path"},
			read:   func(to reading) { to.histograms(h.Stats().Took()) },
		},
		{
			Name: "studychat_hub_sweep_duration_seconds", Help: "How long it took to ask the database what has changed.",
			read: func(to reading) { to.histogram(h.Stats().Sweeps.Read()) },
		},
		{
			Name: "studychat_hub_gaps_total", Help: "How often notifications of other instances may have been lost, so that the database was asked.",
			read: func(to reading) { to.counter(h.Stats().Gaps.Load()) },
		},
		{
			Name: "studychat_stream_resets_total", Help: "Streams that could not continue without a gap.", Labels: []string{"reason"},
			read: func(to reading) {
				to.counters(begun(h.Stats().Resets.All(), string(events.Expired), string(events.Ahead), string(events.OtherEpoch)))
			},
		},
		{
			Name: "studychat_bus_state", Help: "1 for the state of the bus between instances: ok, or degraded. Without Redis it is degraded.", Labels: []string{"state"},
			read: func(to reading) {
				for _, state := range []events.State{events.Healthy, events.Degraded} {
					to.is(h.State() == state, state.String())
				}
			},
		},
	}
}
