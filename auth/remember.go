package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of what is remembered of verified tokens.
const (
	// rememberFor is how long a verification counts. Together with the generation of the keys it keeps the promise of package
	// jwks: a key that the provider has withdrawn is not trusted for longer than between two fetches.
	rememberFor = 5 * time.Minute

	rememberedBytes = 8 << 20
	entryOverhead   = 512 // bytes of an entry besides its texts: hash, place in the map, element of the list, dates
)

// digest names a token. The token itself is not kept: a reader of this memory could use it.
type digest [sha256.Size]byte

func digestOf(token string) digest {
	var usual [1 << 10]byte // on the stack
	return sha256.Sum256(append(usual[:0], token...))
}

// verified is a token that was found valid. It never changes.
type verified struct {
	viewer     Viewer // without Expires, which depends on the clock
	dates      dates
	generation int64 // of the keys by which it was verified
	at         time.Time
}

// dates are the times that a token carries.
type dates struct{ expires, notBefore, issued *jwt.NumericDate }

// within reports whether the token is good at that time, by the rules of the jwt library.
func (d dates) within(now time.Time) bool {
	return now.Before(d.expires.Add(leeway)) &&
		(d.notBefore == nil || !now.Before(d.notBefore.Add(-leeway))) &&
		(d.issued == nil || !now.Before(d.issued.Add(-leeway)))
}

func (v *verified) size() int {
	n := entryOverhead + len(v.viewer.ID) + len(v.viewer.Name) + len(v.viewer.AvatarURL)
	for _, scope := range v.viewer.Scopes {
		n += len(scope) + 16 // the header of a string
	}
	return n
}

// memory remembers verified tokens, bounded by bytes; the one that was used least recently goes first. Only valid tokens are
// kept, so that a flood of others evicts nothing.
//
// It counts the bytes itself, because small cache libraries bound the number of entries rather than bytes, or evict in the
// background, so that the bound holds only later. One lock is enough: it is held for less than 100 ns per request.
type memory struct {
	maxBytes int

	mu    sync.Mutex
	bytes int
	all   *simplelru.LRU[digest, *verified]
}

func newMemory(maxBytes int) *memory {
	all, _ := simplelru.NewLRU[digest, *verified](maxBytes, nil) // put bounds it; so many entries never fit
	return &memory{maxBytes: maxBytes, all: all}
}

// get returns the verified token with this digest, unless other keys have been fetched since, or it was verified too long ago, or
// its own dates no longer admit it. now is by the clock by which tokens are judged, which may be set; here is by this machine's,
// which only runs forward.
func (m *memory) get(key digest, generation int64, now, here time.Time) *verified {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.all.Get(key)
	if !ok {
		return nil
	}
	if known.generation != generation || here.Sub(known.at) > rememberFor || !known.dates.within(now) {
		m.remove(key, known)
		return nil
	}
	return known
}

func (m *memory) put(key digest, token *verified) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.all.Peek(key); ok {
		m.bytes -= old.size()
	}
	m.all.Add(key, token)
	m.bytes += token.size()
	for m.bytes > m.maxBytes {
		oldest, forgotten, _ := m.all.GetOldest()
		m.remove(oldest, forgotten)
	}
}

func (m *memory) remove(key digest, token *verified) {
	m.all.Remove(key)
	m.bytes -= token.size()
}
