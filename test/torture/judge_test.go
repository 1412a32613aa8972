package torture

import (
	"fmt"
	"slices"
	"time"
)

// window is the duration of a fault.
type window struct{ from, to time.Time }

func (w window) has(at time.Time) bool { return !at.Before(w.from) && !at.After(w.to) }

// during runs the fault and returns its window.
func during(fault func()) window {
	from := time.Now()
	fault()
	return window{from, time.Now()}
}

// judge stops the traffic, compares what was delivered with the database and fills the line. Without a window the
// latencies cover everything.
func (l *traffic) judge(faults ...window) truth {
	l.r.Helper()
	t := l.quiet()
	l.stop()
	v := l.verdict(t)
	r := l.r
	r.Committed, r.Delivered, r.Lost, r.Duplicates, r.Gaps, r.Resets = v.due, v.got, v.lost, v.duplicates, v.gaps, v.resets
	for _, problem := range v.problems {
		r.Log(problem)
	}
	r.limit(v.clean() && v.due > 0, "%d deliveries due, %d lost, %d doubled, %d out of order, %d resets, %d for others, %d different from what was written, %d streams that began wrongly",
		v.due, v.lost, v.duplicates, v.gaps, v.resets, v.foreign, v.wrong, v.starts)
	if v.expired > 0 {
		r.note("%d more events were deleted with their chat before delivery, and the streams announced it", v.expired)
	}
	missing := slices.Concat(judgeAnswers(l.answers, t), judgeLog(t))
	r.limit(len(missing) == 0, "%d messages acknowledged, %d of them or of the logs' numbers missing in the database", len(l.answers), len(missing))
	l.reportProblems()
	l.latencies(faults)
	return t
}

func (l *traffic) verdict(t truth) verdict {
	var v verdict
	identities := newIdentities()
	for _, s := range slices.Concat(l.subscribers, l.feeds) {
		v.add(judgeStarts(s.user, s.got))
		v.add(identities.judge(s.got))
	}
	for _, s := range l.subscribers {
		v.add(judgeStream(s.user, s.chat, s.after, s.got, t))
	}
	for k, s := range l.feeds {
		v.add(judgeFeed(s.user, l.feedChats(k), s.got, t))
	}
	return v
}

// reportProblems reports what nobody should see: errors other than UNAVAILABLE, streams that ended, and ERROR in the
// logs.
func (l *traffic) reportProblems() {
	resumes, problems := 0, slices.Clone(l.problems)
	for _, s := range slices.Concat(l.subscribers, l.feeds) {
		resumes += s.resumes
		problems = append(problems, s.problems...)
		if over, complete := s.ended(); over != complete && s.endedBy == "" {
			problems = append(problems, fmt.Sprintf("%s: last event received: %t; stream completed: %t", s.user, over, complete))
		}
	}
	for _, problem := range problems[:min(len(problems), 20)] {
		l.r.Log(problem)
	}
	l.r.limit(len(problems) == 0, "%d requests repeated, %d streams resumed, %d answered with an unexpected error or end", l.retries, resumes, len(problems))
	var alarming int64
	for _, i := range l.w.instances {
		alarming += i.alarming.Load()
	}
	if alarming > 0 {
		l.r.note("%d lines of level ERROR in the servers' logs", alarming)
	}
}

// latencies sets the latencies of messages that were sent during a window.
func (l *traffic) latencies(faults []window) {
	var inside, outside []time.Duration
	for _, s := range l.subscribers {
		for _, e := range s.got {
			at, ok := l.sentAt.Load(e.Message.ID)
			if !ok {
				continue
			}
			sent := at.(time.Time)
			if slices.ContainsFunc(faults, func(w window) bool { return w.has(sent) }) {
				inside = append(inside, e.at.Sub(sent))
			} else if sent.After(l.began) {
				outside = append(outside, e.at.Sub(sent))
			}
		}
	}
	r := l.r
	if len(faults) == 0 {
		r.P50, r.P99 = ms(quantile(outside, 0.5)), ms(quantile(outside, 0.99))
		return
	}
	r.P50, r.P99 = ms(quantile(inside, 0.5)), ms(quantile(inside, 0.99))
	r.note("outside the faults p50 %.0f ms, p99 %.0f ms; worst during them %.0f ms",
		ms(quantile(outside, 0.5)), ms(quantile(outside, 0.99)), ms(quantile(inside, 1)))
	for _, w := range faults {
		r.CaughtUp = max(r.CaughtUp, l.caughtUp(w.to))
	}
}

// caughtUp returns how long after end the last message arrived that was sent before it, in ms.
func (l *traffic) caughtUp(end time.Time) float64 {
	last := end
	for _, s := range l.subscribers {
		for _, e := range s.got {
			if at, ok := l.sentAt.Load(e.Message.ID); ok && at.(time.Time).Before(end) && e.at.After(last) {
				last = e.at
			}
		}
	}
	return ms(last.Sub(end))
}

// quantile sorts its input. It returns 0 for none.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)-1, int(q*float64(len(all))))]
}
