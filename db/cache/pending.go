package cache

import (
	"slices"
	"sync"
)

// maxTokens is how many tokens of its own an instance remembers for one pending key. The ones forgotten run out.
const maxTokens = 8

// pending remembers the keys that this instance has written while Redis did not answer, until they are deleted there.
// It is bounded; when it overflows it remembers "everything".
type pending struct {
	limit int

	mu        sync.Mutex
	tokens    map[string][]string // key -> tokens of this instance's marks that may be there
	overflows int                 // rises with each overflow
	all       bool                // everything under the prefix is to be deleted
}

func newPending(limit int) *pending {
	return &pending{limit: limit, tokens: make(map[string][]string)}
}

// add remembers keys under which a write's mark or finish may be missing. It says whether they were too many.
func (p *pending) add(keys []string, token string) (overflowed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range keys {
		have, ok := p.tokens[key]
		if !ok && len(p.tokens) >= p.limit {
			p.tokens = make(map[string][]string)
			p.all = true
			p.overflows++
			overflowed = true
		}
		if len(have) == maxTokens {
			have = have[1:]
		}
		// A new array each time: snapshots share the old one.
		p.tokens[key] = append(slices.Clone(have), token)
	}
	return overflowed
}

// has says whether what Redis holds under key must not be served by this instance.
func (p *pending) has(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all {
		return true
	}
	_, ok := p.tokens[key]
	return ok
}

// size is the number of remembered keys, and whether it is everything.
func (p *pending) size() (n int, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tokens), p.all
}

func (p *pending) empty() bool {
	n, all := p.size()
	return n == 0 && !all
}

// some returns at most n keys with their tokens.
func (p *pending) some(n int) map[string][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch := make(map[string][]string, min(n, len(p.tokens)))
	for key, tokens := range p.tokens {
		if len(batch) == n {
			break
		}
		batch[key] = tokens
	}
	return batch
}

// done forgets a key, unless it was added again since.
func (p *pending) done(key string, tokens []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(p.tokens[key], tokens) {
		delete(p.tokens, key)
	}
}

// everything says whether all is to be deleted; generation is for doneAll.
func (p *pending) everything() (generation int, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overflows, p.all
}

// doneAll forgets "everything", unless it overflowed again since.
func (p *pending) doneAll(generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.overflows == generation {
		p.all = false
	}
}
