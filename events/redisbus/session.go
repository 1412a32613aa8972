package redisbus

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
	"studychat/redisconn"
)

const (
	// probeTimeout is how long a session may go without one of its probes coming back. Without probes, a connection that was
	// silently cut looks healthy for a quarter of an hour.
	probeTimeout   = 2 * time.Second
	superviseEvery = 250 * time.Millisecond
	connectTimeout = 2 * time.Second // to dial and to write a subscription
	reconnectMost  = 500 * time.Millisecond
)

// session is one connection that receives, under the names of one database. It ends at the first doubt: a new session is cheap,
// and reports the gap to the hub.
type session struct {
	shard      *shard
	bus        *bus
	keys       *redisconn.Keys
	own        string // the channel of its probes
	pubsub     *redis.PubSub
	token      string
	subscribed events.PartitionSet
	echo       atomic.Int64 // when the last probe came back, in Unix nanoseconds
	echoed     chan struct{}
	ended      chan error // of the reader
	worked     bool
}

func newSession(ctx context.Context, of *shard) *session {
	keys := of.bus.redis.Names.Keys()
	s := &session{
		shard: of, bus: of.bus, keys: keys, own: keys.Probe(of.number, of.bus.instance),
		pubsub: of.bus.redis.Client.Subscribe(ctx), // connects with the first channel
		token:  strconv.FormatInt(of.token.Add(1), 10),
		echoed: make(chan struct{}, 1), ended: make(chan error, 1),
	}
	s.echo.Store(time.Now().UnixNano())
	return s
}

var (
	errNoProbe = errors.New("no probe came back")
	errReader  = errors.New("reading failed")
	errMoved   = errors.New("the slot was moved to another node")
	errLeft    = errors.New("no partition of the shard is joined any more")
	errRenamed = errors.New("the names of the channels were replaced")
)

// run receives until the connection fails or is in doubt, the names are replaced, or ctx ends. It leaves nothing behind.
func (s *session) run(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return errors.Join(err, s.pubsub.Close())
	}
	go func() { s.ended <- s.read(ctx) }()
	err := s.supervise(ctx)
	closed := s.pubsub.Close() // wakes the reader
	if !errors.Is(err, errReader) {
		<-s.ended //nolint:errcheck // it ended because we closed it
	}
	return errors.Join(err, closed)
}

func (s *session) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if err := s.subscribe(ctx, s.own); err != nil {
		return err
	}
	return s.adjust(ctx)
}

// supervise subscribes to the joined partitions, and gives up when no probe comes back.
func (s *session) supervise(ctx context.Context) error {
	ticker := time.NewTicker(superviseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.keys.Replaced():
			return errRenamed
		case err := <-s.ended:
			return errors.Join(errReader, err)
		case <-s.echoed:
			s.worked = true
			s.bus.report(s.shard, nil)
		case <-s.shard.changed:
			if err := s.adjust(ctx); err != nil {
				return err
			}
		case <-ticker.C:
			if time.Since(s.heard()) > probeTimeout {
				return errNoProbe
			}
		}
	}
}

// adjust subscribes to the partitions that were joined since, and unsubscribes from those that were left. It does not wait for
// Redis to confirm: until then the partition's notifications are lost, and the confirmation is reported as a gap.
func (s *session) adjust(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	wanted := s.shard.wanted()
	if wanted.Empty() {
		return errLeft
	}
	more, less := channels(s.keys, wanted.Minus(s.subscribed)), channels(s.keys, s.subscribed.Minus(wanted))
	s.subscribed = wanted
	if len(more) > 0 {
		if err := s.subscribe(ctx, more...); err != nil {
			return err
		}
	}
	if len(less) > 0 { // not on a cluster, where the shard has one partition
		return s.pubsub.Unsubscribe(ctx, less...)
	}
	return nil
}

func (s *session) subscribe(ctx context.Context, channels ...string) error {
	if s.bus.sharded {
		return s.pubsub.SSubscribe(ctx, channels...)
	}
	return s.pubsub.Subscribe(ctx, channels...)
}

func channels(keys *redisconn.Keys, partitions events.PartitionSet) (names []string) {
	for p, member := range partitions {
		if member {
			names = append(names, keys.Channel(p))
		}
	}
	return names
}

// heard is when the last probe came back, or when the session began.
func (s *session) heard() time.Time { return time.Unix(0, s.echo.Load()) }
