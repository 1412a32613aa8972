package metrics_test

import (
	"testing"

	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/metrics"
	"studychat/metrics/tally"
	"studychat/rate"
	"studychat/transport/connections"
)

// TestFaultsBeginAtZero: what has not happened yet is there with 0. Prometheus would miss the first burst of it otherwise.
func TestFaultsBeginAtZero(t *testing.T) {
	t.Parallel()
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	sources := metrics.Sources{
		Edge: metrics.Edge{
			Errors:      func() map[string]*tally.Counter { return nil },
			Connections: &connections.Inspector{Open: func() []connections.Entry { return nil }, Endings: &connections.Endings{}},
		},
		Hub:      hub.New(nil, events.NewMemoryBus(), nil, nil),
		Redis:    metrics.Redis{Refused: func() map[rate.Refusal]*tally.Counter { return nil }},
		Database: metrics.Database{Store: store},
	}
	families, err := metrics.NewRegistry(sources).Gather()
	if err != nil {
		t.Fatal(err)
	}
	begun := map[string]bool{}
	for _, family := range families {
		for _, one := range family.GetMetric() {
			series := family.GetName()
			for _, label := range one.GetLabel() {
				series += " " + label.GetValue()
			}
			begun[series] = one.GetCounter().GetValue() == 0 && one.GetHistogram().GetSampleCount() == 0
		}
	}
	for _, series := range []string{ // the labels are sorted by their names
		"studychat_graphql_errors_total UNAVAILABLE", "studychat_graphql_errors_total INTERNAL", "studychat_auth_refusals_total signature",
		"studychat_auth_refusals_total unavailable", "studychat_connections_refused_total address_limit", "studychat_connections_refused_total stopping",
		"studychat_connections_closed_total 1006 lost websocket", "studychat_connections_closed_total 1013 server websocket",
		"studychat_stream_resets_total EPOCH", "studychat_commit_duration_seconds unknown", "studychat_rate_limited_total address redis",
	} {
		if !begun[series] {
			t.Errorf("%s is not there at the start, or not 0", series)
		}
	}
}
