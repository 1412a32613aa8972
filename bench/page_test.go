//go:build linux

package bench

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// page is where the tables go, between the two markers.
const (
	page  = "../docs/performance.md"
	begin = "<!-- written by make bench: do not edit from here -->\n"
	end   = "<!-- to here -->\n"
)

// writePage replaces what is between the markers of the file.
func writePage(file string, r *results) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return errors.New(file + " has no markers for the tables")
	}
	return os.WriteFile(file, []byte(before+begin+tables(r)+end+after), 0o644)
}

// tables are the goals, and the figures of every scenario.
func tables(r *results) string {
	var b strings.Builder
	a := r.About
	fmt.Fprintf(&b, "\n%s UTC, commit %s", a.Date, a.Commit)
	if a.Base != "" {
		fmt.Fprintf(&b, ", base %s", a.Base)
	}
	fmt.Fprintf(&b, ", %s, %d cores, %s, load before the run %s.\n\n### Goals\n\n", a.CPU, a.Cores, a.Go, a.Load)
	b.WriteString("| | | goal | median | least to greatest | |\n|---|---|--:|--:|--:|---|\n")
	group := ""
	for _, g := range r.Goals {
		name := g.Group
		if name == group {
			name = ""
		}
		group = g.Group
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, g.Text, strings.TrimSpace(g.Bound+" "+g.Unit), g.cells())
	}
	b.WriteString("\n### Figures\n\nMedians of the rounds.\n\n")
	for _, scenario := range r.scenarios() {
		figureTable(&b, r, scenario)
	}
	return b.String()
}

func (j judged) cells() string {
	if j.Measured == nil {
		return "| | not measured"
	}
	verdict := "**falls short**"
	if j.Met {
		verdict = "met"
	}
	return fmt.Sprintf("%s | %s to %s | %s", number(j.Measured.Median), number(j.Measured.Min), number(j.Measured.Max), verdict)
}

// columns are the figures in the order of the tables.
var columns = []struct{ figure, title string }{
	{"rate", "per second"}, {"cpu_us", "CPU µs each"}, {"mean_ms", "mean ms"}, {"p50_ms", "p50 ms"}, {"p99_ms", "p99 ms"}, {"rss_mib", "RSS MiB"}, {"rss_kib", "RSS KiB each"},
	{"kernel_kib", "kernel KiB each"}, {"buffers_kib", "of it buffers"}, {"bytes", "bytes each"}, {"per_write", "in each write"}, {"server_percent", "server, % of a core"}, {"database_percent", "PostgreSQL, %"},
	{"database_us", "PostgreSQL, CPU µs each"}, {"redis_us", "Redis, CPU µs each"}, {"redis_commands", "Redis, commands each"},
	{"core_percent", "together, %"}, {"client", "client, cores"},
}

// titles say what the scenarios are.
var titles = map[string]string{
	"typename": "`{ __typename }`", "chats": "20 chats with latest message, cached", "page": "page of 20 messages, cached", "page-cold": "page of 20 messages, from PostgreSQL",
	"fanout": "fan-out to 5,000, saturated", "fanout-paced": "fan-out to 5,000, paced", "idle-few": "1,000 idle subscriptions", "idle-many": "10,000 idle subscriptions",
	"growth-page": "page of a chat with 10 million messages or with 1,000", "growth-list": "list of a viewer with 10,000 chats or with 100", "growth-sweep": "10,000 watched chats, nothing happens",
	"instances-large": "one chat with 5,000 subscribers, 40,000 deliveries a second", "instances-small": "one chat with 20 subscribers, 2,000 deliveries a second",
	"instances-sends": "sends over HTTP, 10,000 chats, 128 callers of each instance",
}

func title(scenario string) string {
	if known, ok := titles[scenario]; ok {
		return known
	}
	parts := strings.Split(scenario, "-") // send-hot-128
	if len(parts) != 3 {
		return scenario
	}
	return fmt.Sprintf("%s, %s, %s callers", map[string]string{"send": "sends over HTTP", "store": "sends at the repository", "slow": "the same, 1 ms more for each flush"}[parts[0]],
		map[string]string{"hot": "one chat", "spread": "10,000 chats"}[parts[1]], parts[2])
}

func figureTable(b *strings.Builder, r *results, scenario string) {
	targets := r.targets(scenario)
	used := slices.Clone(columns)
	used = slices.DeleteFunc(used, func(c struct{ figure, title string }) bool {
		return !slices.ContainsFunc(targets, func(target string) bool { _, ok := r.values(side{scenario, target, c.figure}); return ok })
	})
	fmt.Fprintf(b, "| %s |", title(scenario))
	for _, c := range used {
		fmt.Fprintf(b, " %s |", c.title)
	}
	fmt.Fprintf(b, "\n|---|%s\n", strings.Repeat("--:|", len(used)))
	for _, target := range targets {
		fmt.Fprintf(b, "| %s |", target)
		for _, c := range used {
			if v, ok := r.values(side{scenario, target, c.figure}); ok {
				fmt.Fprintf(b, " %s |", number(v.Median))
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
}

// number has three significant digits, or all digits before the point.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
