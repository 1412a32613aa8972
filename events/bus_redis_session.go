package events

import (
	"context"
	"errors"
	"math/bits"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// probeTimeout is how long the bus lives without a probe of its own coming back. A connection that was cut without
	// a word looks healthy to everybody else for a quarter of an hour.
	probeTimeout   = 2 * time.Second
	superviseEvery = 250 * time.Millisecond
	connectTimeout = 2 * time.Second // to dial and to write a subscription
	reconnectMost  = 500 * time.Millisecond
)

// session is one connection that receives. It is given up at the first doubt: a new one is cheap, and tells the
// hub about the gap.
type session struct {
	lane       *lane
	bus        *redisBus
	pubsub     *redis.PubSub
	token      string
	subscribed uint64       // partitions, a bit each
	echo       atomic.Int64 // when a probe came back last, in Unix nanoseconds
	echoed     chan struct{}
	ended      chan error // of the reader
	worked     bool
}

func (l *lane) newSession(ctx context.Context) *session {
	s := &session{
		lane: l, bus: l.bus,
		token:  strconv.FormatInt(l.token.Add(1), 10),
		echoed: make(chan struct{}, 1), ended: make(chan error, 1),
	}
	if s.bus.sharded { // either connects with the first channel
		s.pubsub = s.bus.client.SSubscribe(ctx)
	} else {
		s.pubsub = s.bus.client.Subscribe(ctx)
	}
	s.echo.Store(time.Now().UnixNano())
	return s
}

var (
	errNoProbe = errors.New("no probe came back")
	errLeft    = errors.New("nothing of the lane is joined any more")
	errMoved   = errors.New("the slot was moved to another node")
)

// run receives until the connection fails, is in doubt, or ctx ends. It leaves nothing behind.
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
	if err := s.subscribe(ctx, s.lane.own); err != nil {
		return err
	}
	return s.adjust(ctx)
}

var errReader = errors.New("reading failed")

// supervise keeps the subscriptions as they are wanted and gives up when the probes stay away.
func (s *session) supervise(ctx context.Context) error {
	ticker := time.NewTicker(superviseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-s.ended:
			return errors.Join(errReader, err)
		case <-s.echoed:
			s.worked = true
			s.bus.heard(s.lane, true)
		case <-s.lane.changed:
			if err := s.adjust(ctx); err != nil {
				return err
			}
		case <-ticker.C:
			if time.Since(time.Unix(0, s.echo.Load())) > probeTimeout {
				return errNoProbe
			}
		}
	}
}

// adjust subscribes to what is wanted and not subscribed yet, and the other way round. It does not wait for Redis to
// confirm: until then the partition's pokes are lost, and the confirmation is told as a gap.
func (s *session) adjust(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	wanted := s.lane.wanted()
	if wanted == 0 {
		return errLeft
	}
	more, less := s.channels(wanted&^s.subscribed), s.channels(s.subscribed&^wanted)
	s.subscribed = wanted
	if len(more) > 0 {
		if err := s.subscribe(ctx, more...); err != nil {
			return err
		}
	}
	if len(less) > 0 { // not of a cluster: there the lane has one partition
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

func (s *session) channels(partitions uint64) []string {
	var names []string
	for ; partitions != 0; partitions &= partitions - 1 {
		names = append(names, s.bus.channel(bits.TrailingZeros64(partitions)))
	}
	return names
}

// read receives until the connection fails. go-redis would connect again by itself and say nothing: any error
// ends the session instead.
func (s *session) read(ctx context.Context) error {
	for {
		received, err := s.pubsub.ReceiveTimeout(ctx, probeTimeout)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case isTimeout(err):
			continue // supervise decides
		case err != nil:
			return err
		}
		switch m := received.(type) {
		case *redis.Subscription:
			if m.Kind == "sunsubscribe" { // never asked for: it is how a node says that it lost the slot
				return errMoved
			}
			s.confirmed(m)
		case *redis.Message:
			s.message(m)
		}
	}
}

func (s *session) confirmed(m *redis.Subscription) {
	if m.Kind != "subscribe" && m.Kind != "ssubscribe" {
		return
	}
	if m.Channel == s.lane.own {
		signal(s.lane.probes)
		return
	}
	if p, ok := s.bus.partition(m.Channel); ok {
		s.bus.sink.Gap(p)
	}
}

func (s *session) message(m *redis.Message) {
	if m.Channel == s.lane.own {
		if m.Payload == s.token {
			s.echo.Store(time.Now().UnixNano())
			signal(s.echoed)
		}
		return
	}
	p, ok := s.bus.partition(m.Channel)
	if !ok || sentBy(s.bus.instance, m.Payload) {
		return
	}
	if len(m.Payload) == instanceIDLen+len(gapMessage) && m.Payload[instanceIDLen:] == gapMessage {
		s.bus.sink.Gap(p)
		return
	}
	poke, err := decodePoke(m.Payload)
	if err != nil || poke.Topic.Partition() != p {
		s.bus.ignored.Add(1)
		s.bus.log.Debug("a message on the bus makes no sense", "channel", m.Channel, "error", err)
		return
	}
	s.bus.sink.Poked(poke)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// wait waits for the time or until ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
