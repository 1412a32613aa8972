// Package metrics is the one list of what an instance tells of itself: each metric with its name, its help and where its value comes from.
// The values are kept by the packages that know them, as plain counts (package tally) and states, and are read when somebody asks: what is
// open or waiting is counted then, from what is open or waiting, and never up and down.
//
// Names and labels follow OpenTelemetry's conventions where these are stable. No label holds a user, a chat, an address, or a name that a
// client chose.
package metrics

import (
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"studychat/events/hub"
	"studychat/metrics/tally"
)

// Metric is one row of the list.
type Metric struct {
	Name   string
	Help   string
	Labels []string
	read   func(to reading)
}

// Sources are the parts that the values come from.
type Sources struct {
	Edge     Edge
	Hub      *hub.Hub
	Redis    Redis
	Database Database
}

// List is every metric of our own for these sources, sorted by name. What exists only with Redis has no values without it.
func List(from Sources) []Metric {
	all := slices.Concat(about(), from.Edge.list(), live(from.Hub), from.Redis.list(), from.Database.list())
	slices.SortFunc(all, func(a, b Metric) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return all
}

// NewRegistry gathers the list, and what Go's runtime tells of itself and of the process.
func NewRegistry(from Sources) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newCollector(List(from)))
	return registry
}

// collector reads the list when it is asked.
type collector struct {
	list  []Metric
	descs []*prometheus.Desc
}

func newCollector(list []Metric) collector {
	c := collector{list: list}
	for _, m := range list {
		c.descs = append(c.descs, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(to chan<- prometheus.Metric) {
	for i, m := range c.list {
		m.read(reading{c.descs[i], to})
	}
}

// reading takes the values of one metric.
type reading struct {
	desc *prometheus.Desc
	to   chan<- prometheus.Metric
}

func (r reading) gauge(value float64, labels ...string) {
	r.to <- prometheus.MustNewConstMetric(r.desc, prometheus.GaugeValue, value, labels...)
}

// is reads one of several states.
func (r reading) is(state bool, labels ...string) {
	value := 0.0
	if state {
		value = 1
	}
	r.gauge(value, labels...)
}

func (r reading) counter(value int64, labels ...string) {
	r.to <- prometheus.MustNewConstMetric(r.desc, prometheus.CounterValue, float64(value), labels...)
}

// seconds reads a counter of time.
func (r reading) seconds(total time.Duration, labels ...string) {
	r.to <- prometheus.MustNewConstMetric(r.desc, prometheus.CounterValue, total.Seconds(), labels...)
}

func (r reading) histogram(h tally.Histogram, labels ...string) {
	buckets := make(map[float64]uint64, len(h.Bounds))
	for i, bound := range h.Bounds {
		buckets[bound] = uint64(h.Counts[i]) //nolint:gosec // counts are not negative
	}
	r.to <- prometheus.MustNewConstHistogram(r.desc, uint64(h.Count()), h.Sum, buckets, labels...) //nolint:gosec // nor is this
}

// counters reads counts by one label.
func (r reading) counters(all map[string]*tally.Counter) {
	for _, label := range slices.Sorted(maps.Keys(all)) {
		r.counter(all[label].Load(), label)
	}
}

// begun adds zeros for what has not happened yet. A series that appears with its first event shows no change at that event: Prometheus would
// miss it, and with it each fault that is short.
func begun[K comparable, V any](all map[K]*V, known ...K) map[K]*V {
	more := maps.Clone(all)
	if more == nil {
		more = map[K]*V{}
	}
	for _, key := range known {
		if more[key] == nil {
			more[key] = new(V)
		}
	}
	return more
}

// histograms reads histograms by one label.
func (r reading) histograms(all map[string]*tally.Durations) {
	for _, label := range slices.Sorted(maps.Keys(all)) {
		r.histogram(all[label].Read(), label)
	}
}
