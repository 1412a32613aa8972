//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// figures are what a run of a scenario gave for one target, by name: rate (per second), cpu_us (of the server, for each answer or
// delivery), p50_ms, p99_ms, rss_mib and others.
type figures map[string]float64

// round is one run of a scenario against one target.
type round struct {
	Scenario string  `json:"scenario"`
	Target   string  `json:"target"`
	N        int     `json:"round"`
	Figures  figures `json:"figures"`
}

// results are all rounds, in their order.
type results struct {
	About  about    `json:"about"`
	Goals  []judged `json:"goals"`
	Rounds []round  `json:"rounds"`
}

// about says where and when the figures were taken.
type about struct {
	Date   string `json:"date"`
	Commit string `json:"commit"`
	Base   string `json:"base,omitempty"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Load   string `json:"load_before"` // the machine's load average when the run began
}

func newResults() *results {
	load, _ := os.ReadFile("/proc/loadavg")
	return &results{About: about{
		Date: time.Now().UTC().Format("2006-01-02 15:04"), CPU: cpuModel(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Load: strings.Fields(string(load) + " ?")[0],
	}}
}

func cpuModel() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r *results) add(scenario, target string, n int, f figures) {
	r.Rounds = append(r.Rounds, round{scenario, target, n, f})
}

// of returns a figure of a scenario against a target, by round.
func (r *results) of(s side) map[int]float64 {
	all := map[int]float64{}
	for _, run := range r.Rounds {
		if value, ok := run.Figures[s.figure]; ok && run.Scenario == s.scenario && run.Target == s.target {
			all[run.N] = value
		}
	}
	return all
}

func (r *results) scenarios() (names []string) {
	for _, run := range r.Rounds {
		if !slices.Contains(names, run.Scenario) {
			names = append(names, run.Scenario)
		}
	}
	return names
}

func (r *results) targets(scenario string) (names []string) {
	for _, run := range r.Rounds {
		if run.Scenario == scenario && !slices.Contains(names, run.Target) {
			names = append(names, run.Target)
		}
	}
	return names
}

// spread is the least, the median and the greatest of some values.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) (spread, bool) {
	if len(values) == 0 {
		return spread{}, false
	}
	slices.Sort(values)
	return spread{values[0], median(values), values[len(values)-1]}, true
}

// median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// side is a figure of a scenario against a target.
type side struct{ scenario, target, figure string }

// ratio divides round by round: in each, the two ran one shortly after the other.
func (r *results) ratio(of, to side) (spread, bool) {
	under := r.of(to)
	var values []float64
	for n, value := range r.of(of) {
		if under[n] > 0 {
			values = append(values, value/under[n])
		}
	}
	return spreadOf(values)
}

// values is the figure itself.
func (r *results) values(s side) (spread, bool) {
	return spreadOf(slices.Collect(maps.Values(r.of(s))))
}

const resultsFile = "results.json"

// merged is the file with the scenarios of this run instead of its own.
func (r *results) merged(file string) (*results, error) {
	all := &results{About: r.About}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	again := r.scenarios()
	all.About = r.About
	all.Rounds = append(slices.DeleteFunc(all.Rounds, func(old round) bool { return slices.Contains(again, old.Scenario) }), r.Rounds...)
	all.Goals = all.judge()
	return all, nil
}

// save writes the file, and the tables of the page.
func (r *results) save(t testing.TB) {
	t.Helper()
	all, err := r.merged(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(resultsFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePage(page, all); err != nil {
		t.Fatal(err)
	}
}
