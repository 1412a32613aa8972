//go:build linux

package bench

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	scaleFlag   = flag.String("scale", "", "run the scenarios: full, quick, growth or instances")
	baseFlag    = flag.String("base", "", "commit to compare with")
	profileFlag = flag.String("profile", "", "directory for CPU profiles of the servers, by perf; nothing is saved then")
	onlyFlag    = flag.String("only", "", "with -scale: a part of the names of the scenarios to run")
)

// scale is how long the scenarios run.
type scale struct {
	quick       bool
	rounds      int           // of each scenario
	warm        time.Duration // before each measurement over HTTP
	measure     time.Duration
	subscribers int // of the fan-out
	fanOut      time.Duration
	paced       time.Duration
	idle        []int         // subscriptions
	settle      time.Duration // before their memory is read
	storeRounds int
	store       time.Duration // each measurement at the repository
	messages    int           // of the largest chat of growth
	watchers    int           // of as many chats, of growth
	watch       time.Duration // how long they are watched
}

var scales = map[string]scale{
	"full": {
		rounds: 3, warm: 300 * time.Millisecond, measure: 1500 * time.Millisecond, subscribers: 5000, fanOut: 2500 * time.Millisecond, paced: 4 * time.Second,
		idle: []int{1000, 10_000}, settle: 1500 * time.Millisecond, storeRounds: 3, store: 2 * time.Second,
	},
	"quick": {
		quick: true, rounds: 1, warm: 50 * time.Millisecond, measure: 200 * time.Millisecond, subscribers: 200, fanOut: 300 * time.Millisecond, paced: time.Second,
		idle: []int{100, 400}, settle: 200 * time.Millisecond, storeRounds: 1, store: time.Second, messages: 10_000, watchers: 200, watch: time.Second,
	},
	"growth": {
		rounds: 5, warm: 500 * time.Millisecond, measure: 2 * time.Second, settle: 10 * time.Second, messages: 10_000_000, watchers: 10_000, watch: 30 * time.Second,
	},
	"instances": {rounds: 3, warm: time.Second, measure: 4 * time.Second, subscribers: 5000, paced: 6 * time.Second},
}

// scenario is one part of the run.
type scenario struct {
	name string
	run  func(st *stand)
}

// scenarios are those of a scale. Growth and instances have runs of their own, as they take minutes.
func scenarios(name string) []scenario {
	usual, grows := []scenario{{"http", httpScenarios}, {"fanout", fanOut}, {"idle", idle}, {"send", sends}, {"store", stores}}, []scenario{{"growth", growth}}
	many := []scenario{{"instances", instances}}
	switch name {
	case "growth":
		return grows
	case "instances":
		return many
	case "quick":
		return slices.Concat(usual, grows, many)
	}
	return usual
}

func TestBench(t *testing.T) { //nolint:paralleltest // nothing else may run
	s, ok := scales[*scaleFlag]
	if !ok {
		t.Skip("needs -scale: see make bench")
	}
	runAll(t, s, scenarios(*scaleFlag))
}

// runAll runs the scenarios one after the other, and saves what they gave. A quick run saves nothing: its figures mean nothing.
func runAll(t *testing.T, s scale, all []scenario) {
	t.Helper()
	raiseFileLimit(t)
	st := newStand(t, s)
	st.results.About.Commit, st.results.About.Base = commit(t), st.base
	for _, part := range all {
		if !strings.Contains(part.name, *onlyFlag) {
			continue
		}
		before, started := len(st.results.Rounds), time.Now()
		t.Run(part.name, func(t *testing.T) {
			st.t = t
			part.run(st)
		})
		st.t = t
		if len(st.results.Rounds) == before && !t.Failed() {
			t.Errorf("%s measured nothing", part.name)
		}
		t.Logf("%s took %v", part.name, time.Since(started).Round(100*time.Millisecond))
		if !s.quick && *profileFlag == "" { // perf would take its part of the time
			st.results.save(t) // now, and although others failed: what was measured is right
		}
	}
	if s.quick && *onlyFlag == "" && !t.Failed() {
		st.results.complete(t)
	}
}

// commit is the commit of the checkout, marked when files of it have changed.
func commit(t testing.TB) string {
	out, err := run(t.Context(), "..", "git", "describe", "--always", "--dirty")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
