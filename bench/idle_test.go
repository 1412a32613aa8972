//go:build linux

package bench

import (
	"testing"

	"studychat/bench/data"
)

// idle: what a subscription costs while nothing happens.
func idle(st *stand) {
	for _, target := range []fanTarget{
		{"floor", st.floor, overRaw}, {ours, func(t testing.TB) *process { return st.cached(t, ours) }, overSocket},
		{"studychat SSE", func(t testing.TB) *process { return st.cached(t, ours) }, overEvents}, {"gqlgen", st.gqlgen, overSocket},
	} {
		st.t.Run(target.name, func(t *testing.T) { st.idleOnce(t, target) })
	}
}

// idleOnce connects a few, then many more, and reads the memory after each. The first hundred are not counted: what a server sets up once
// is not the cost of a subscription.
func (st *stand) idleOnce(t *testing.T, target fanTarget) {
	a := newAudience(target.start(t), target.over, func(int) int { return data.HotChat })
	defer a.close()
	if err := a.connect(100); err != nil {
		t.Fatal(err)
	}
	pause(st.scale.settle)
	rss, kernel, buffers := a.server.rss(), slab()+socketMemory(), socketMemory()
	for i, n := range st.scale.idle {
		if err := a.connect(n + 100 - len(a.all)); err != nil {
			t.Fatal(err)
		}
		pause(st.scale.settle)
		each := func(now, before int64) float64 { return float64(now-before) / float64(n) / 1024 }
		f := figures{
			"rss_kib": each(a.server.rss(), rss), "rss_mib": float64(a.server.rss()-rss) / (1 << 20),
			"kernel_kib": each(slab()+socketMemory(), kernel), "buffers_kib": each(socketMemory(), buffers),
		}
		st.results.add([]string{"idle-few", "idle-many"}[i], target.name, 0, f)
		t.Logf("%-13s %6d subscriptions: RSS %.1f KiB each, kernel %.1f KiB each (both ends; buffers %.1f)", target.name, n, f["rss_kib"], f["kernel_kib"], f["buffers_kib"])
	}
}
