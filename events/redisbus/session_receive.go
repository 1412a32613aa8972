package redisbus

import (
	"context"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
)

// read receives until the connection fails. Any error ends the session, because go-redis would silently connect again.
func (s *session) read(ctx context.Context) error {
	for {
		received, err := s.pubsub.ReceiveTimeout(ctx, probeTimeout)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case redisconn.IsTimeout(err):
			continue // supervise decides
		case err != nil:
			return err
		}
		switch m := received.(type) {
		case *redis.Subscription:
			if m.Kind == "sunsubscribe" { // the session never asks for it: the node has lost the slot
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
	if m.Channel == s.own {
		signal(s.shard.probes)
		return
	}
	if p, ok := s.keys.Partition(m.Channel); ok {
		s.bus.sink.Gap(p)
	}
}

func (s *session) message(m *redis.Message) {
	if m.Channel == s.own {
		if m.Payload == s.token {
			s.echo.Store(time.Now().UnixNano())
			signal(s.echoed)
		}
		return
	}
	p, ok := s.keys.Partition(m.Channel)
	if !ok || strings.HasPrefix(m.Payload, s.bus.instance) {
		return
	}
	notification, isGap, err := decodeMessage(m.Payload)
	switch {
	case isGap:
		s.bus.sink.Gap(p)
	case err != nil || notification.Topic.Partition() != p:
		s.bus.ignored.Add(1)
		s.bus.log.Debug("a message on the bus cannot be read", "channel", m.Channel, "error", err)
	default:
		notification.Remote = true
		s.bus.sink.Notified(notification)
	}
}
