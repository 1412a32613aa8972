package auth

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
	maxWaiting   = 100             // calls that wait at a time
)

// keySet is the keys of an identity provider, fetched by one goroutine on a schedule that tokens can hurry but not
// crowd. Between two fetches there is always minRest; a token with an unknown key asks for the next. The last good keys
// are kept for as long as the provider fails, for days if need be: it says which keys are good, and has not said
// otherwise.
//
// keyfunc does not hold this: an unknown key makes the call itself fetch, or wait for up to a minute for leave to; an
// empty set replaces the good one; bodies have no bound and redirects are followed.
type keySet struct {
	url     string
	client  *http.Client
	log     *slog.Logger
	wanted  chan struct{} // holds one: a token came whose key is not known
	waiting chan struct{} // holds one for each call that waits
	cancel  context.CancelFunc
	done    chan struct{}

	mu   sync.Mutex
	keys []key
	err  error         // why keys may not be what the provider says now; nil after a good fetch
	next chan struct{} // closed at the end of the fetch that is under way or would begin at once; nil during minRest
}

func startKeySet(ctx context.Context, address string, transport http.RoundTripper, log *slog.Logger) *keySet {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DisableKeepAlives:      true, // one fetch in minutes
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	s := &keySet{
		url: address,
		client: &http.Client{
			Transport: transport,
			// A redirect could lead to another host, or to plain HTTP: whoever answers there would name the keys.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		log:     log,
		wanted:  make(chan struct{}, 1),
		waiting: make(chan struct{}, maxWaiting),
		done:    make(chan struct{}),
		err:     errors.New("not fetched yet"),
		next:    make(chan struct{}),
	}
	ctx, s.cancel = context.WithCancel(ctx)
	go s.run(ctx)
	return s
}

func (s *keySet) stop() {
	s.cancel()
	<-s.done
}

func (s *keySet) run(ctx context.Context) {
	defer close(s.done)
	for {
		keys, err := s.fetch(ctx)
		s.settle(keys, err)
		if !sleep(ctx, minRest, nil) {
			return
		}
		s.mu.Lock()
		s.next = make(chan struct{})
		s.mu.Unlock()
		if err == nil && !sleep(ctx, refreshEvery-minRest, s.wanted) {
			s.settle(nil, ctx.Err())
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

// settle ends a fetch: good keys replace those before, a failure leaves them.
func (s *keySet) settle(keys []key, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		if s.err != nil {
			s.log.Info("Keys of the identity provider fetched", "keys", len(keys))
		}
		s.keys = keys
	case !errors.Is(err, context.Canceled):
		s.log.Warn("The identity provider's keys cannot be fetched", "err", err, "keysKept", len(s.keys))
	}
	s.err = err
	select {
	case <-s.wanted: // this fetch was the answer
	default:
	}
	close(s.next)
	s.next = nil
}

func (s *keySet) fetch(ctx context.Context) ([]key, error) {
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
	return parseKeys(body)
}

// find returns what may verify a token of this algorithm. A key that is not known is refused for good (UNAUTHENTICATED)
// only on the provider's word, after a good fetch; when it could not be asked, the answer is UNAVAILABLE: the token may
// be a good one, signed with a new key, and its client must not give it up.
func (s *keySet) find(ctx context.Context, kid, algorithm string) (any, error) {
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

// lookup finds the keys by their name, without a name the only key of this algorithm: OpenID Connect Core, 10.1 requires
// a name when there are several. The algorithm has to be one of the key's own (RFC 8725, 3.1).
func (s *keySet) lookup(kid, algorithm string) (found jwt.VerificationKeySet, ok bool) {
	s.mu.Lock()
	keys := s.keys // replaced as a whole, never changed
	s.mu.Unlock()
	for _, k := range keys {
		if (kid == "" || kid == k.id) && slices.Contains(k.algorithms, algorithm) {
			found.Keys = append(found.Keys, k.public)
		}
	}
	return found, len(found.Keys) == 1 || kid != "" && len(found.Keys) > 1
}

// refreshed asks for a fetch and waits for it if it may begin at once; during minRest it does not wait. nil: the keys
// are what the provider said less than minRest ago.
func (s *keySet) refreshed(ctx context.Context) error {
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

func (s *keySet) wait(ctx context.Context, next <-chan struct{}) error {
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
