package cache

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// kind is what all chats have in common, or all lists. The id of a list is its viewer.
type kind[T any] struct {
	maxBytes int
	load     func(ctx context.Context, viewer, id string) (T, error) // from the database
	encode   func([]byte, T) []byte                                  // appends the content
	decode   func(content, id string) (v T, bytes int, err error)    // bytes is the memory that v takes
	current  func(T) bool                                            // not older than what this process knows of
	ttl      func(T) time.Duration
	share    func(v T, grow func(bytes int) bool) // before v has readers: what they render may be kept with it
	loads    *flight[T]
	requests requests
}

// entry is one value that may be cached, and who asks for it.
type entry[T any] struct {
	*kind[T]

	key, id, viewer string
}

// read answers from Redis with one round trip, else by a load that it shares with others who miss at the same time.
func read[T any](ctx context.Context, c *Cache, e entry[T]) (T, error) {
	v, found, asked := peek(ctx, c, e)
	e.requests.count(found, asked)
	if found {
		return v, nil
	}
	fetch := func(ctx context.Context) (T, error) { return fetch(ctx, c, e, asked) }
	v, own, err := e.loads.do(ctx, e.key, fetch)
	if !own && db.CodeOf(err) == db.CodeNotFound {
		// The load asked as another viewer, whose answer this is. The body is the same for all, a refusal is not.
		return fetch(ctx)
	}
	return v, err
}

// peek asks Redis: for the header alone if the body may be known, else for the whole value. asked is false when Redis must not be used:
// it does not answer, or what it holds under this key is known to be old.
func peek[T any](ctx context.Context, c *Cache, e entry[T]) (v T, found, asked bool) {
	if c.avoid(e.key) {
		return v, false, false
	}
	if known, ok := c.tier.get(e.key); ok {
		header, err := c.headers.ask(ctx, e.key)
		if err != nil {
			return v, false, hasForeignType(err)
		}
		state, fill := parseHeader(header)
		if state == stateBody && fill == known.fill {
			v, found = serve(ctx, c, e, known)
			return v, found, true
		}
		c.tier.drop(e.key, known.fill)
		if state != stateBody {
			return v, false, true // absent, or a placeholder
		}
	}
	raw, ok, err := c.guard.link.get(ctx, e.key)
	if err != nil {
		return v, false, hasForeignType(err)
	}
	if !ok {
		return v, false, true
	}
	v, found = use(ctx, c, e, raw)
	return v, found, true
}

// hasForeignType reports whether Redis answered that the key does not hold a string: a lease replaces it.
func hasForeignType(err error) bool { return redis.HasErrorPrefix(err, "WRONGTYPE") }

func (c *Cache) avoid(key string) bool {
	return !c.guard.link.Health.Usable() || !c.guard.trust.holds(c.guard.now) || c.guard.pending.has(key)
}

// use returns what Redis held, if it can be served. It deletes a damaged value, which is safe at any time.
func use[T any](ctx context.Context, c *Cache, e entry[T], raw string) (v T, ok bool) {
	value := parseValue(raw)
	switch value.state {
	case stateLease, stateMark:
		return v, false
	case stateBody:
		body, bytes, err := e.decode(value.content, e.id)
		if err == nil {
			c.guard.stats.decodes.Add(1)
			return serve(ctx, c, e, keep(c, e, value.fill, body, bytes))
		}
	}
	_, _ = c.guard.link.eval(ctx, finishScript, e.key)
	return v, false
}

// keep keeps a body decoded, and with it what its readers will render.
func keep[T any](c *Cache, e entry[T], fill fillID, body T, bytes int) decoded {
	e.share(body, func(more int) bool { return c.tier.grow(e.key, fill, more) })
	known := decoded{fill: fill, body: body, bytes: bytes}
	c.tier.put(e.key, known)
	return known
}

// serve returns a body that Redis held after the read began, unless this process knows of a newer one: then it deletes the
// value, which is safe at any time.
func serve[T any](ctx context.Context, c *Cache, e entry[T], known decoded) (v T, ok bool) {
	if v, ok = known.body.(T); ok && e.current(v) {
		c.guard.stats.hits.Add(1)
		return v, true
	}
	c.guard.stats.tooOld.Add(1)
	c.tier.drop(e.key, known.fill)
	_, _ = c.guard.link.eval(ctx, finishScript, e.key)
	var none T
	return none, false
}

// fetch reads the database, and fills what it read if it got the lease before.
func fetch[T any](ctx context.Context, c *Cache, e entry[T], asked bool) (T, error) {
	var token string
	if asked && !c.avoid(e.key) {
		var v T
		var found bool
		if token, v, found = lease(ctx, c, e); found {
			return v, nil
		}
	}
	// From here on: the snapshot begins after the reply to the lease.
	v, err := e.load(ctx, e.viewer, e.id)
	if token != "" {
		fillOrRelease(ctx, c, e, token, v, err)
	}
	return v, err
}

// lease takes the right to fill. Something may have come in since the GET: a body is as good as a hit; someone else's
// lease or mark means no token and no fill.
func lease[T any](ctx context.Context, c *Cache, e entry[T]) (token string, v T, found bool) {
	token = newToken()
	reply, err := c.guard.link.eval(ctx, leaseScript, e.key, token, c.options.LeaseTTL.Milliseconds())
	switch {
	case errors.Is(err, redis.Nil):
		return token, v, false
	case err != nil:
		return "", v, false
	}
	raw, _ := reply.(string)
	if v, found = use(ctx, c, e, raw); !found && parseValue(raw).state == stateLease {
		v, found = awaitFill(ctx, c, e)
	}
	if !found {
		c.guard.stats.foreignWaits.Add(1)
	}
	return "", v, found
}

// awaitFill gives another instance's lease a moment to become a body: it takes one read of the database, and without
// this a herd costs as many as there are instances, twice. What comes in now is as good as a hit.
func awaitFill[T any](ctx context.Context, c *Cache, e entry[T]) (v T, found bool) {
	tick := time.NewTicker(fillPoll)
	defer tick.Stop()
	for range c.fillWait / fillPoll {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return v, false
		}
		raw, ok, err := c.guard.link.get(ctx, e.key)
		if err != nil || !ok {
			return v, false // given back, or a write came in between
		}
		if parseValue(raw).state != stateLease {
			return use(ctx, c, e, raw)
		}
	}
	return v, false
}

// fillOrRelease uses the lease up: it fills what was read, or gives the lease back.
func fillOrRelease[T any](ctx context.Context, c *Cache, e entry[T], token string, v T, loadErr error) {
	ctx = context.WithoutCancel(ctx) // a caller that has gone must not leave its lease behind
	if loadErr == nil && fill(ctx, c, e, token, v) {
		return
	}
	_, _ = c.guard.link.eval(ctx, releaseScript, e.key, token)
}

// fill stores the body, and keeps it decoded as every other reader will see it: what the store returned may say more than what is
// cached. It reports whether the lease is used up.
func fill[T any](ctx context.Context, c *Cache, e entry[T], token string, v T) bool {
	id := newFillID()
	raw := encodeValue(id, v, e.encode)
	if len(raw) > e.maxBytes {
		return false
	}
	body, bytes, err := e.decode(raw[headerBytes+sumBytes:], e.id)
	if err != nil {
		return false
	}
	ttl := e.ttl(v)
	ttl -= rand.N(ttl/10 + 1)
	reply, err := c.guard.link.eval(ctx, fillScript, e.key, token, raw, ttl.Milliseconds())
	switch {
	case err != nil: // counted as a failure of Redis; the lease runs out
	case reply == int64(1):
		c.guard.stats.fills.Add(1)
		keep(c, e, id, body, bytes)
	default:
		c.guard.stats.refusedFills.Add(1)
	}
	return true
}
