//go:build linux

package bench

import (
	"fmt"
	"testing"
)

const (
	smallChatSubscribers = 20
	smallChatRate        = 2000 // deliveries per second
	instanceCallers      = 128
)

// instances: the same load on one, two and four instances, which share the server's core. What counts is the CPU time of all of them
// for each delivery and send: what an instance more costs, and not what a core more brings.
func instances(st *stand) {
	for n := range st.scale.rounds {
		for _, count := range []int{1, 2, 4} {
			name := fmt.Sprintf("%d instances", count)
			if count == 1 {
				name = "1 instance"
			}
			st.t.Run(fmt.Sprintf("%d %s", n, name), func(t *testing.T) { st.instancesOnce(t, n, name, count) })
		}
	}
}

func (st *stand) instancesOnce(t *testing.T, n int, name string, count int) {
	p := st.cached(t, ours)
	for range count - 1 {
		p.also = append(p.also, st.cached(t, ours))
	}
	target := fanTarget{name: name, start: func(testing.TB) *process { return p }, over: overSocket}
	for _, chat := range []struct {
		scenario          string
		subscribers, rate int
	}{{"instances-large", st.scale.subscribers, pacedRate}, {"instances-small", smallChatSubscribers, smallChatRate}} {
		a := st.gather(t, target, chat.subscribers)
		paced, err := delivered{}, a.warm()
		if err == nil {
			paced, err = a.paced(st.scale.paced, chat.rate)
		}
		a.close()
		if err != nil {
			t.Fatal(err)
		}
		st.keep(t, chat.scenario, n, a, target, paced)
	}
	sending := sendTarget(p, "spread")
	sending.process = renamed(p, name)
	st.sendOnce("instances-sends", instanceCallers, n, ours, sending)
	p.stop()
}
