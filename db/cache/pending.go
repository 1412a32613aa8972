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
	tokens    map[string][]any // key -> tokens of this instance's marks that may be there, as arguments of finishScript
	overflows int              // how often there were too many keys. Then everything under the prefix is to be deleted
	swept     int              // how many of the overflows a deletion of everything has made good
}

func newPending(limit int) *pending {
	return &pending{limit: limit, tokens: make(map[string][]any)}
}

// add remembers keys under which a write's mark or finish may be missing. If they are too many, they become "everything".
func (p *pending) add(keys []string, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, key := range keys {
		have, ok := p.tokens[key]
		if !ok && len(p.tokens) >= p.limit {
			p.tokens = make(map[string][]any)
			p.overflows++
		}
		if len(have) == maxTokens {
			have = have[1:]
		}
		// A new array each time: snapshots share the old one.
		p.tokens[key] = append(slices.Clone(have), token)
	}
}

// has reports whether this instance must not serve what Redis holds under key.
func (p *pending) has(key string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.tokens[key]
	return ok || p.overflows > p.swept
}

// size returns the number of remembered keys, and whether everything is to be deleted.
func (p *pending) size() (n int, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.tokens), p.overflows > p.swept
}

func (p *pending) empty() bool {
	n, all := p.size()
	return n == 0 && !all
}

// some returns at most n keys with their tokens.
func (p *pending) some(n int) map[string][]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	batch := make(map[string][]any, min(n, len(p.tokens)))
	for key, tokens := range p.tokens {
		if len(batch) == n {
			break
		}
		batch[key] = tokens
	}
	return batch
}

// done forgets a key, unless it was added again since.
func (p *pending) done(key string, tokens []any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.Equal(p.tokens[key], tokens) {
		delete(p.tokens, key)
	}
}

// everything reports whether everything is to be deleted; overflows is for doneAll.
func (p *pending) everything() (overflows int, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overflows, p.overflows > p.swept
}

// doneAll forgets "everything", unless it overflowed again since.
func (p *pending) doneAll(overflows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swept = max(p.swept, overflows)
}
