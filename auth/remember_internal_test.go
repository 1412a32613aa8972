package auth

import (
	"crypto/sha256"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func remembered(id string) *verified {
	return &verified{viewer: Viewer{ID: id}, dates: dates{expires: jwt.NewNumericDate(time.Now().Add(time.Hour))}, at: time.Now()}
}

// TestFloodOfTokens: a user who fetches token after token takes no more memory than the bound, and others that are in use
// stay.
func TestFloodOfTokens(t *testing.T) {
	t.Parallel()
	const room = 100
	m := newMemory(room * remembered(strings.Repeat("x", 10)).size())
	inUse := digest{1}
	m.put(inUse, remembered("ann"))
	for i := range 50 * room {
		m.put(sha256.Sum256([]byte(strconv.Itoa(i))), remembered(strings.Repeat("x", 10)))
		if m.get(inUse, 0, time.Now(), time.Now()) == nil {
			t.Fatalf("forgotten after %d others", i)
		}
		if m.bytes > m.maxBytes || m.all.Len() > room+1 {
			t.Fatalf("%d bytes in %d entries", m.bytes, m.all.Len())
		}
	}
	if m.get(sha256.Sum256([]byte("0")), 0, time.Now(), time.Now()) != nil {
		t.Error("the oldest is still there")
	}
	for m.all.Len() > 0 {
		key, token, _ := m.all.GetOldest()
		m.remove(key, token)
	}
	if m.bytes != 0 {
		t.Errorf("%d bytes are counted for nothing", m.bytes)
	}
}

// TestRememberedTwice: a token that was verified by two requests at the same time counts once.
func TestRememberedTwice(t *testing.T) {
	t.Parallel()
	m := newMemory(1 << 20)
	m.put(digest{1}, remembered("ann"))
	m.put(digest{1}, remembered("ann"))
	if m.bytes != remembered("ann").size() || m.all.Len() != 1 {
		t.Errorf("%d bytes in %d entries", m.bytes, m.all.Len())
	}
}

// TestDigestsThatBeginAlike: the whole digest names a token.
func TestDigestsThatBeginAlike(t *testing.T) {
	t.Parallel()
	m := newMemory(1 << 20)
	ann, bob := digest{}, digest{}
	bob[sha256.Size-1] = 1
	m.put(ann, remembered("ann"))
	if m.get(bob, 0, time.Now(), time.Now()) != nil {
		t.Error("another token was taken for ann's")
	}
	m.put(bob, remembered("bob"))
	for id, key := range map[string]digest{"ann": ann, "bob": bob} {
		if got := m.get(key, 0, time.Now(), time.Now()); got == nil || got.viewer.ID != id {
			t.Errorf("%s: %+v", id, got)
		}
	}
}

// TestForgotten: what is not remembered any more is gone from memory too.
func TestForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for reason, get := range map[string]func(m *memory, key digest) *verified{
			"other keys": func(m *memory, key digest) *verified { return m.get(key, 1, time.Now(), time.Now()) },
			"too long ago": func(m *memory, key digest) *verified {
				<-time.After(rememberFor + 1)
				return m.get(key, 0, time.Now(), time.Now())
			},
			"expired": func(m *memory, key digest) *verified {
				return m.get(key, 0, time.Now().Add(time.Hour+leeway), time.Now())
			},
		} {
			m := newMemory(1 << 20)
			m.put(digest{1}, remembered("ann"))
			if m.get(digest{1}, 0, time.Now(), time.Now()) == nil {
				t.Fatalf("%s: not remembered at all", reason)
			}
			if get(m, digest{1}) != nil || m.bytes != 0 || m.all.Len() != 0 {
				t.Errorf("%s: still there, %d bytes", reason, m.bytes)
			}
		}
	})
}

// TestDatesAsTheLibraryReadsThem compares the check of a remembered token with that of a new one, second by second.
func TestDatesAsTheLibraryReadsThem(t *testing.T) {
	t.Parallel()
	begin := time.Unix(2_000_000_000, 0)
	at := func(after time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(begin.Add(after)) }
	for _, d := range []dates{
		{expires: at(time.Minute)},
		{expires: at(time.Minute), notBefore: at(0)},
		{expires: at(time.Minute), issued: at(0)},
		{expires: at(time.Minute), notBefore: at(10 * time.Second), issued: at(-5 * time.Second)},
	} {
		for now := begin.Add(-time.Minute); now.Before(begin.Add(2 * time.Minute)); now = now.Add(time.Second) {
			library := jwt.NewValidator(jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway), jwt.WithTimeFunc(func() time.Time { return now }))
			err := library.Validate(jwt.RegisteredClaims{ExpiresAt: d.expires, NotBefore: d.notBefore, IssuedAt: d.issued})
			if d.within(now) != (err == nil) {
				t.Fatalf("%v after the beginning: %t, the library says %v", now.Sub(begin), d.within(now), err)
			}
		}
	}
}
