// Package jwks fetches and holds the public keys of an identity provider (JSON Web Key Set, RFC 7517). Package auth verifies
// tokens with them, and its tests cover this package through the verifier.
package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"studychat/db"
)

// How keys are fetched.
const (
	minRest      = time.Minute     // from the end of a fetch to the next, whatever tokens come and however it ended
	refreshEvery = 5 * time.Minute // so that a key that the provider has withdrawn is not trusted for longer
	fetchTimeout = 10 * time.Second
	maxKeySet    = 256 << 10       // bytes
	maxWait      = 2 * time.Second // of one call for a fetch

	// MaxWaiting is how many calls may wait for a fetch at the same time; further ones fail at once.
	MaxWaiting = 100
)

// Set holds the keys of one identity provider. One goroutine fetches them on a schedule. A token with an unknown key asks for an
// earlier fetch, but minRest always passes between two fetches, however many such tokens arrive. While the provider fails, the
// last good keys stay in use, for days if need be: the provider named them and has not revoked them.
//
// The library keyfunc cannot do this: an unknown key makes the call itself fetch, or wait up to a minute for permission to fetch;
// an empty set replaces the good one; response bodies have no limit; redirects are followed.
type Set struct {
	url     string
	client  *http.Client
	log     *slog.Logger
	wanted  chan struct{} // capacity 1: a token with an unknown key has arrived
	waiting chan struct{} // one entry per waiting call
	cancel  context.CancelFunc
	done    chan struct{}

	generation atomic.Int64 // of keys

	mu   sync.Mutex
	keys []Key
	err  error         // why keys may be out of date; nil after a good fetch
	next chan struct{} // closed when the current or imminent fetch ends; nil during minRest
}

// Fetch fetches the keys at address once, as a Set does.
func Fetch(ctx context.Context, address string) ([]Key, error) {
	return (&Set{url: address, client: newClient(nil)}).fetch(ctx)
}

func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DisableKeepAlives:      true, // one fetch in minutes
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	return &http.Client{
		Transport: transport,
		// A redirect could lead to another host or to plain HTTP, which would then decide which keys are valid.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Start fetches the keys at address until ctx ends or Stop is called. It does not wait for the first fetch: a provider that is
// down does not keep the server from starting. A nil transport is the network.
func Start(ctx context.Context, address string, transport http.RoundTripper, log *slog.Logger) *Set {
	s := &Set{
		url:     address,
		client:  newClient(transport),
		log:     log,
		wanted:  make(chan struct{}, 1),
		waiting: make(chan struct{}, MaxWaiting),
		done:    make(chan struct{}),
		err:     errors.New("not fetched yet"),
		next:    make(chan struct{}),
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go s.run(ctx)
	return s
}

// Stop ends fetching and waits for the goroutine. It may be called more than once.
func (s *Set) Stop() {
	s.cancel()
	<-s.done
}

func (s *Set) run(ctx context.Context) {
	defer close(s.done)
	for {
		keys, err := s.fetch(ctx)
		s.finishFetch(keys, err)
		if !sleep(ctx, minRest, nil) {
			return
		}
		s.mu.Lock()
		s.next = make(chan struct{})
		s.mu.Unlock()
		if err == nil && !sleep(ctx, refreshEvery-minRest, s.wanted) {
			s.finishFetch(nil, ctx.Err())
			return
		}
	}
}

// sleep returns after d, or as soon as woken; false when ctx has ended.
func sleep(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-woken:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// finishFetch stores the result of a fetch: good keys replace the old ones, a failure keeps them.
func (s *Set) finishFetch(keys []Key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		if s.err != nil {
			s.log.Info("Keys of the identity provider fetched", "keys", len(keys))
		}
		s.keys = keys
		s.generation.Add(1)
	case !errors.Is(err, context.Canceled):
		s.log.Warn("The identity provider's keys cannot be fetched", "error", err, "keysKept", len(s.keys))
	}
	s.err = err
	select {
	case <-s.wanted: // this fetch has served the request
	default:
	}
	close(s.next)
	s.next = nil
}

func (s *Set) fetch(ctx context.Context) ([]Key, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := s.client.Do(request)
	if u, ok := errors.AsType[*url.Error](err); ok {
		return nil, u.Err // without the URL, which may hold a secret
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxKeySet {
		return nil, fmt.Errorf("the key set is larger than %d bytes", maxKeySet)
	}
	return Parse(body)
}

// Generation counts the fetches that brought keys. What was verified by keys of an earlier generation has to be verified again:
// the provider may have withdrawn its key. To know the generation of keys that are found, ask before Find.
func (s *Set) Generation() int64 { return s.generation.Load() }

// Find returns the keys that may verify a token with this key id and algorithm. An unknown key is refused for good
// (UNAUTHENTICATED) only after a successful fetch. If the provider could not be asked, the error is UNAVAILABLE: the token may be
// valid and signed with a new key, so its client must not discard it.
func (s *Set) Find(ctx context.Context, kid, algorithm string) (any, error) {
	if found, ok := s.lookup(kid, algorithm); ok {
		return found, nil
	}
	if err := s.refreshed(ctx); err != nil {
		return nil, db.Unavailable(fmt.Errorf("keys of the identity provider: %w", err))
	}
	if found, ok := s.lookup(kid, algorithm); ok {
		return found, nil
	}
	return nil, errors.New("no such key")
}

// lookup finds keys by id. Without an id it returns the only key of this algorithm: OpenID Connect Core, section 10.1, requires an
// id when there are several. The algorithm must be one that the key allows (RFC 8725, 3.1).
func (s *Set) lookup(kid, algorithm string) (found jwt.VerificationKeySet, ok bool) {
	s.mu.Lock()
	keys := s.keys // replaced as a whole, never changed
	s.mu.Unlock()
	for _, k := range keys {
		if (kid == "" || kid == k.ID) && slices.Contains(k.Algorithms, algorithm) {
			found.Keys = append(found.Keys, k.Public)
		}
	}
	return found, len(found.Keys) == 1 || kid != "" && len(found.Keys) > 1
}

// refreshed asks for a fetch, and waits for it if it can begin at once; during minRest it does not wait. nil means that the keys
// are at most minRest old.
func (s *Set) refreshed(ctx context.Context) error {
	select {
	case s.wanted <- struct{}{}:
	default:
	}
	s.mu.Lock()
	next := s.next
	s.mu.Unlock()
	if next != nil {
		if err := s.wait(ctx, next); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Set) wait(ctx context.Context, next <-chan struct{}) error {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return errors.New("too many wait for them")
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case <-next:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
