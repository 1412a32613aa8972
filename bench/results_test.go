//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	Figures  figures `json:"figures"`
}

// results are all rounds, in their order.
type results struct {
	mu     sync.Mutex
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

func (r *results) add(scenario, target string, f figures) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Rounds = append(r.Rounds, round{scenario, target, f})
}

// of returns the rounds of a scenario against a target.
func (r *results) of(scenario, target string) (all []figures) {
	for _, run := range r.Rounds {
		if run.Scenario == scenario && run.Target == target {
			all = append(all, run.Figures)
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

// ratio divides round by round: the n-th of one by the n-th of the other, which ran just before or after it.
func (r *results) ratio(of, to side) (spread, bool) {
	a, b := r.of(of.scenario, of.target), r.of(to.scenario, to.target)
	var values []float64
	for n := range min(len(a), len(b)) {
		if b[n][to.figure] > 0 {
			values = append(values, a[n][of.figure]/b[n][to.figure])
		}
	}
	return spreadOf(values)
}

// values is the figure itself.
func (r *results) values(s side) (spread, bool) {
	var values []float64
	for _, f := range r.of(s.scenario, s.target) {
		if v, ok := f[s.figure]; ok {
			values = append(values, v)
		}
	}
	return spreadOf(values)
}

const resultsFile = "results.json"

// merge keeps the rounds of scenarios of the file that this run did not repeat.
func (r *results) merge(file string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var before results
	if err == nil {
		err = json.Unmarshal(text, &before)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	again := r.scenarios()
	kept := slices.DeleteFunc(before.Rounds, func(old round) bool { return slices.Contains(again, old.Scenario) })
	r.Rounds = append(kept, r.Rounds...)
	return nil
}

// save writes the file, and the tables of the page.
func (r *results) save(t testing.TB) {
	t.Helper()
	if err := r.merge(resultsFile); err != nil {
		t.Fatal(err)
	}
	r.Goals = r.judge()
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(resultsFile, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePage(page, r); err != nil {
		t.Fatal(err)
	}
}
