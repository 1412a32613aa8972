//go:build linux

package bench

import (
	"slices"
	"syscall"
	"time"
)

// sample is what one run of a scenario gave.
type sample struct {
	N        int64 // answers or deliveries that were measured
	Answered int64 // all answers, before and after the measured ones too
	Seconds  float64
	CPU      time.Duration // of the server
	P50      time.Duration
	P99      time.Duration
	Client   float64 // share of a core
}

func (s sample) rate() float64 { return float64(s.N) / s.Seconds }

// perAnswer is the server's CPU time for each answer, in microseconds.
func (s sample) perAnswer() float64 { return float64(s.CPU.Microseconds()) / float64(s.N) }

// meter counts between start and end.
type meter struct {
	server         func() time.Duration
	started, ended time.Time
	cpu0, cpu1     time.Duration
	own0, own1     time.Duration
	took           []time.Duration
}

func (m *meter) start(now time.Time) {
	m.started, m.cpu0, m.own0 = now, m.server(), cpuOf(syscall.Getpid())
	m.took = make([]time.Duration, 0, 1<<18)
}

func (m *meter) end(now time.Time) {
	m.ended, m.cpu1, m.own1 = now, m.server(), cpuOf(syscall.Getpid())
}

func (m *meter) add(took time.Duration) {
	if !m.started.IsZero() && m.ended.IsZero() {
		m.took = append(m.took, took)
	}
}

func (m *meter) sample() sample {
	seconds := m.ended.Sub(m.started).Seconds()
	slices.Sort(m.took)
	return sample{
		N: int64(len(m.took)), Seconds: seconds, CPU: m.cpu1 - m.cpu0, Client: (m.own1 - m.own0).Seconds() / seconds,
		P50: percentile(m.took, 50), P99: percentile(m.took, 99),
	}
}

// percentile of sorted values; 0 of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}
