package transport

import "time"

// pace is the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 4.4.2) for one connection; package rate has it
// for users, with a bound on what is kept. next is when the next thing would come if they came evenly.
type pace struct{ next time.Time }

// add counts something that takes so long at an even pace, and says how far it came ahead of that: more than a burst may.
func (p *pace) add(now time.Time, takes time.Duration) (ahead time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(takes)
	return p.next.Sub(now)
}
