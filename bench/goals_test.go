//go:build linux

package bench

import (
	"fmt"
	"slices"
	"testing"
)

// goal is one promise: a ratio of two figures of one run, or a figure.
type goal struct {
	group   string
	text    string
	of, to  side // to is empty when the figure itself counts
	atLeast float64
	atMost  float64
	unit    string
}

// judged is a goal with what was measured.
type judged struct {
	Group    string  `json:"group"`
	Text     string  `json:"text"`
	Bound    string  `json:"bound"`
	Measured *spread `json:"measured"` // nil: not measured
	Unit     string  `json:"unit,omitempty"`
	Met      bool    `json:"met"`
}

const (
	ours = "studychat"
	base = "base"

	slowGroup = "the same, 1 ms more for each flush" // needs a C compiler
)

// goals are in the order of the table.
func goals() []goal {
	all := []goal{
		{group: "`{ __typename }` with a token", text: "CPU, × `net/http`", of: side{"typename", ours, "cpu_us"}, to: side{"typename", "floor", "cpu_us"}, atMost: 2},
	}
	for _, read := range []struct{ scenario, group string }{{"chats", "20 chats with latest message, cached"}, {"page", "page of 20 messages, cached"}} {
		s := read.scenario
		all = append(all,
			goal{group: read.group, text: "rate, × `net/http` + one Redis GET", of: side{s, ours, "rate"}, to: side{s, "floor", "rate"}, atLeast: 0.7},
			goal{group: read.group, text: "rate, × gqlgen as it comes, in memory", of: side{s, ours, "rate"}, to: side{s, "gqlgen", "rate"}, atLeast: 10},
			goal{group: read.group, text: "rate, × Mercurius + JIT, in memory", of: side{s, ours, "rate"}, to: side{s, "mercurius", "rate"}, atLeast: 1},
			goal{group: read.group, text: "p99 at 64 connections, × the floor's", of: side{s, ours, "p99_ms"}, to: side{s, "floor", "p99_ms"}, atMost: 3},
		)
	}
	all = append(all, goal{group: "page from PostgreSQL, no cache", text: "rate, × `net/http` + one pgx query", of: side{"page-cold", ours, "rate"}, to: side{"page-cold", "floor", "rate"}, atLeast: 0.5})
	all = append(all, fanOutGoals()...)
	all = append(all, sendGoals()...)
	return slices.Concat(all, growthGoals(), instanceGoals())
}

func fanOutGoals() []goal {
	full, paced := "fan-out to 5,000, saturated", "fan-out to 5,000, paced"
	return []goal{
		{group: full, text: "deliveries, × one write each (gws)", of: side{"fanout", ours, "rate"}, to: side{"fanout", "floor", "rate"}, atLeast: 3},
		{group: full, text: "deliveries, × gqlgen as it comes", of: side{"fanout", ours, "rate"}, to: side{"fanout", "gqlgen", "rate"}, atLeast: 15},
		{group: full, text: "p99, × one write each", of: side{"fanout", ours, "p99_ms"}, to: side{"fanout", "floor", "p99_ms"}, atMost: 0.4},
		{group: paced, text: "CPU, × one write each", of: side{"fanout-paced", ours, "cpu_us"}, to: side{"fanout-paced", "floor", "cpu_us"}, atMost: 1.2},
		{group: "Server-Sent Events", text: "CPU saturated, × WebSocket", of: side{"fanout", "studychat SSE", "cpu_us"}, to: side{"fanout", ours, "cpu_us"}, atMost: 1.2},
		{group: "Server-Sent Events", text: "CPU paced, × WebSocket", of: side{"fanout-paced", "studychat SSE", "cpu_us"}, to: side{"fanout-paced", ours, "cpu_us"}, atMost: 1.2},
		{group: "idle subscription", text: "RSS of each of 10,000, WebSocket", of: side{"idle-many", ours, "rss_kib"}, atMost: 12, unit: "KiB"},
		{group: "idle subscription", text: "RSS of each of 10,000, SSE", of: side{"idle-many", "studychat SSE", "rss_kib"}, atMost: 12, unit: "KiB"},
		{group: "idle subscription", text: "RSS of 10,000, × that of 1,000", of: side{"idle-many", ours, "rss_mib"}, to: side{"idle-few", ours, "rss_mib"}, atMost: 10.5},
	}
}

func sendGoals() []goal {
	hot, wide, slow := "sends to one chat, 128 callers", "sends to 10,000 chats, 128 callers", slowGroup
	all := []goal{
		{group: hot, text: "at the repository, × one transaction each", of: side{"store-hot-128", ours, "rate"}, to: side{"store-hot-128", "each", "rate"}, atLeast: 20},
		{group: hot, text: "at the repository, p99", of: side{"store-hot-128", ours, "p99_ms"}, atMost: 10, unit: "ms"},
		{group: hot, text: "over HTTP, × base", of: side{"send-hot-128", ours, "rate"}, to: side{"send-hot-128", base, "rate"}, atLeast: 10},
		{group: wide, text: "at the repository, × a tuned pool", of: side{"store-spread-128", ours, "rate"}, to: side{"store-spread-128", "tuned", "rate"}, atLeast: 3},
		{group: wide, text: "over HTTP, × base", of: side{"send-spread-128", ours, "rate"}, to: side{"send-spread-128", base, "rate"}, atLeast: 5},
		{group: slow, text: "one chat, × one transaction each", of: side{"slow-hot-128", ours, "rate"}, to: side{"slow-hot-128", "each", "rate"}, atLeast: 20},
		{group: slow, text: "10,000 chats, × a tuned pool", of: side{"slow-spread-128", ours, "rate"}, to: side{"slow-spread-128", "tuned", "rate"}, atLeast: 2},
	}
	for _, callers := range []int{1, 8} {
		for _, where := range []string{"hot", "spread"} {
			s, group := fmt.Sprintf("send-%s-%d", where, callers), "few callers, over HTTP"
			text := fmt.Sprintf("%d, %s: ", callers, where)
			all = append(all,
				goal{group: group, text: text + "rate, × base", of: side{s, ours, "rate"}, to: side{s, base, "rate"}, atLeast: 0.95},
				goal{group: group, text: text + "p50 of base, × ours", of: side{s, base, "p50_ms"}, to: side{s, ours, "p50_ms"}, atLeast: 0.95})
		}
	}
	return all
}

func growthGoals() []goal {
	return []goal{
		{group: "growth", text: "page of a chat with 10 million messages, time × one with 1,000", of: side{"growth-page", "large", "mean_ms"}, to: side{"growth-page", "small", "mean_ms"}, atMost: 1.2},
		{group: "growth", text: "list of a viewer with 10,000 chats, time × one with 100", of: side{"growth-list", "large", "mean_ms"}, to: side{"growth-list", "small", "mean_ms"}, atMost: 2},
		{group: "growth", text: "sweep of 10,000 watched chats, server and PostgreSQL", of: side{"growth-sweep", ours, "core_percent"}, atMost: 10, unit: "% of a core"},
		{group: "growth", text: "sweep of 10,000 watched chats, without Redis", of: side{"growth-sweep", alone, "core_percent"}, atMost: 10, unit: "% of a core"},
	}
}

func instanceGoals() []goal {
	group := "four instances instead of one"
	return []goal{
		{group: group, text: "CPU of a delivery, one chat with 5,000 subscribers", of: side{"instances-large", "4 instances", "cpu_us"}, to: side{"instances-large", "1 instance", "cpu_us"}, atMost: 1.1},
		{group: group, text: "CPU of a message and its deliveries, one chat with 20 subscribers", of: side{"instances-small", "4 instances", "cpu_us"}, to: side{"instances-small", "1 instance", "cpu_us"}, atMost: 1.1},
		{group: group, text: "CPU of a send, 10,000 chats, 128 callers of each", of: side{"instances-sends", "4 instances", "cpu_us"}, to: side{"instances-sends", "1 instance", "cpu_us"}, atMost: 1.1},
	}
}

// judge compares each goal with the rounds.
func (r *results) judge() []judged {
	var all []judged
	for _, g := range goals() {
		j := judged{Group: g.group, Text: g.text, Unit: g.unit, Bound: g.bound()}
		measured, ok := r.values(g.of)
		if g.to != (side{}) {
			measured, ok = r.ratio(g.of, g.to)
		}
		if ok {
			j.Measured = &measured
			j.Met = (g.atLeast == 0 || measured.Median >= g.atLeast) && (g.atMost == 0 || measured.Median <= g.atMost)
		}
		all = append(all, j)
	}
	return all
}

func (g goal) bound() string {
	if g.atLeast > 0 {
		return fmt.Sprintf("≥ %v", g.atLeast)
	}
	return fmt.Sprintf("≤ %v", g.atMost)
}

// complete fails the test for each goal without a figure, but for what this run had nothing to compare with.
func (r *results) complete(t testing.TB) {
	t.Helper()
	for n, j := range r.judge() {
		g := goals()[n]
		optional := g.of.target == base || g.to.target == base || g.to.target == "mercurius"
		if j.Measured == nil && !optional && g.group != slowGroup {
			t.Errorf("%s, %s: not measured", j.Group, j.Text)
		}
	}
}
