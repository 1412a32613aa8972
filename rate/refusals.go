package rate

import (
	"strings"

	"studychat/metrics/tally"
)

// Refusal is a kind of refusal.
type Refusal struct {
	Scope string // what the key begins with, up to its colon: user, address
	Store string // which knowledge refused: memory, redis
}

// refusals counts refusals by kind.
type refusals struct {
	tally.Family[Refusal, tally.Counter]
}

func (r *refusals) count(key, store string) {
	scope, _, _ := strings.Cut(key, ":")
	r.Of(Refusal{scope, store}).Add(1)
}

// Refused is how many calls had to wait, by kind, also those that a Redis has refused which uses this memory.
func (m *Memory) Refused() map[Refusal]*tally.Counter { return m.refused.All() }
