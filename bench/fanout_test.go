//go:build linux

package bench

import (
	"fmt"
	"testing"
	"time"

	"studychat/bench/data"
)

const (
	textSize   = 200 // bytes of a published message
	window     = 8   // messages under way in the saturated phase
	publishers = 4
	pacedRate  = 10_000 // deliveries per second in the paced phase
	stall      = 20 * time.Second
)

// fanTarget is a server of the fan-out and how its events travel.
type fanTarget struct {
	name  string
	start func(t testing.TB) *process
	over  carrier
}

func fanTargets(st *stand) []fanTarget {
	own := func(build string) func(testing.TB) *process {
		return func(t testing.TB) *process { return st.cached(t, build) }
	}
	all := []fanTarget{
		{"floor", st.floor, overRaw}, {ours, own(ours), overSocket}, {"gqlgen", st.gqlgen, overSocket}, {"studychat SSE", own(ours), overEvents},
	}
	if st.base != "" {
		all = append(all, fanTarget{base, own(base), overSocket})
	}
	return all
}

// fanOut: one chat, many subscribers. First as fast as it goes, with a few messages under way, then at a fixed rate. Each target starts
// anew for each round, as subscriptions of the last one would count.
func fanOut(st *stand) {
	for n := range st.scale.rounds {
		for _, target := range fanTargets(st) {
			if target.name == base && n > 0 {
				continue // the slowest; nothing but the page shows it
			}
			st.t.Run(fmt.Sprintf("%d %s", n, target.name), func(t *testing.T) { st.fanOutOnce(t, n, target) })
		}
	}
}

func (st *stand) fanOutOnce(t *testing.T, n int, target fanTarget) {
	a := st.gather(t, target, st.scale.subscribers)
	defer a.close()
	if err := a.warm(); err != nil {
		t.Fatal(err)
	}
	stop := st.profile("fanout", target.name, a.server)
	fast, err := a.saturated(st.scale.fanOut)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	st.keep(t, "fanout", n, a, target, fast)
	paced, err := a.paced(st.scale.paced, pacedRate)
	if err != nil {
		t.Fatal(err)
	}
	st.keep(t, "fanout-paced", n, a, target, paced)
}

func (st *stand) keep(t *testing.T, scenario string, n int, a *audience, target fanTarget, s delivered) {
	t.Helper()
	st.results.add(scenario, target.name, n, figures{
		"rate": s.rate(), "cpu_us": s.perAnswer(), "p50_ms": milliseconds(s.P50), "p99_ms": milliseconds(s.P99), "client": s.Client, "bytes": s.bytes,
		"per_write": s.perWrite(), "rss_mib": float64(a.server.rss()) / (1 << 20),
	})
	t.Logf("%-12s %-13s %8.0f/s %6.2f µs p50 %v p99 %v client %.2f, %d deliveries of %.0f bytes, %.2f in each write", scenario, target.name, s.rate(), s.perAnswer(), s.P50, s.P99, s.Client, s.N, s.bytes,
		s.perWrite())
}

// gather starts a target and subscribes n clients to the hot chat.
func (st *stand) gather(t testing.TB, target fanTarget, n int) *audience {
	t.Helper()
	a := newAudience(target.start(t), target.over, func(int) int { return data.HotChat })
	if err := a.connect(n); err != nil {
		a.close()
		t.Fatal(err)
	}
	return a
}
