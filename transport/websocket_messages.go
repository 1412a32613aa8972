package transport

import (
	"bytes"
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"studychat/auth"
	"studychat/graph"
	"studychat/transport/params"
	"studychat/transport/stats"
	"studychat/transport/websocket"
)

// Bounds of what a client may send.
const (
	messagesBurst    = 200                   // messages that may come at once
	messagesInterval = 20 * time.Millisecond // then 50 a second
)

// violation ends the socket.
type violation struct {
	code   websocket.StatusCode
	reason string
}

var badMessage = &violation{closeBadRequest, reasonBadMessage}

// receive handles a message of the client, or returns why the socket ends. It calls release when the message is not used any
// more.
func (s *socket) receive(message []byte, release func()) *violation {
	m, ok := params.FromMessage(message)
	if ok && m.Type == "subscribe" {
		return s.subscribe(m, &incoming{nil, len(message) > smallBody, release})
	}
	defer release()
	// A text that is not UTF-8 may end the socket (RFC 6455, 8.1). An operation with one is answered with an error of its own
	// instead: a character that was cut in half should not cost a client its other subscriptions.
	if !ok || !utf8.Valid(message) {
		return badMessage
	}
	switch m.Type {
	case "connection_init":
		return s.init(m.Payload)
	case "ping":
		return s.ping(m.Payload)
	case "pong":
		return objectOrNothing(m.Payload)
	case "complete":
		if m.ID == "" {
			return badMessage
		}
		s.operations.stop(quote(m.ID))
		return nil
	}
	return badMessage
}

func objectOrNothing(payload []byte) *violation {
	if len(payload) == 0 || payload[0] == '{' || string(payload) == "null" {
		return nil
	}
	return badMessage
}

func (s *socket) subscribe(m params.Message, in *incoming) (v *violation) {
	identity := s.currentIdentity()
	if identity == nil {
		in.release()
		return &violation{closeUnauthorized, "Unauthorized"}
	}
	var err error
	in.RawParams, err = params.FromValue(m.Payload)
	if m.ID == "" || len(m.ID) > maxOperationID || err != nil {
		in.release()
		return badMessage
	}
	of := graph.RequestFrom(s.ctx)
	of.Began = time.Now()
	of.ID = requestID(of.Began)
	ctx := graph.WithRequest(auth.WithIdentity(context.Background(), identity), of)
	_, err = s.operations.begin(ctx, quote(m.ID), func(ctx context.Context, op *running, before []unplaced) { s.run(ctx, op, before, in) })
	if err != nil {
		in.release()
	}
	switch {
	case errors.Is(err, errTakenID):
		return &violation{closeDuplicate, "Subscriber for " + shortID(m.ID) + " already exists"}
	case errors.Is(err, errTooManyOperations):
		s.put(messageError(quote(m.ID), s.t.refuse.tooManyOperations(ctx)))
	}
	return nil
}

// run sends everything about an operation: its answers and a complete, or one error that ends it. A refused subscription ends
// with an error, never with a complete, which clients take for the end of the chat.
//
// A client may conclude from any answer that the subscriptions it sent before are active, so an answer waits for them.
func (s *socket) run(ctx context.Context, op *running, before []unplaced, in *incoming) {
	defer in.release()
	prepared, refusal := s.t.runner.prepare(withStarted(ctx, op), in)
	if refusal == nil {
		refusal = s.t.runner.shed(prepared)
	}
	if refusal == nil && prepared.streams() {
		var subscription *graph.Subscription
		if subscription, refusal = prepared.Follow(prepared.ctx, &socketSink{s, op}); refusal == nil {
			s.t.runner.ran(ctx, stats.WebSocket, prepared, nil, 0)
			op.keep(subscription)
			return
		}
	}
	if refusal != nil {
		s.t.runner.ran(ctx, stats.WebSocket, prepared, refusal, 0)
		awaitPlaces(ctx, before)
		if op.complete() {
			s.put(messageError(op.id, refusal))
		}
		return
	}
	op.place()
	err := prepared.answerTo(stats.WebSocket, func(answer []byte) error {
		awaitPlaces(ctx, before)
		return s.out.Put(ctx, frameNext(op.id, answer))
	})
	if err == nil && op.complete() {
		s.put(messageComplete(op.id))
	}
}

// socketSink is where the answers of one subscription go.
type socketSink struct {
	s  *socket
	op *running
}

// Put implements graph.Sink.
func (k *socketSink) Put(ctx context.Context, answer graph.Answer) error {
	return k.s.out.Put(ctx, frameNext(k.op.id, answer.Payload))
}

// Offer implements graph.Sink.
func (k *socketSink) Offer(batch *graph.Batch) bool {
	return k.s.out.Offer(socketFrames(batch, k.op.id))
}

// End implements graph.Sink.
func (k *socketSink) End() {
	if k.op.complete() {
		k.s.put(messageComplete(k.op.id))
	}
}

// put waits for room in the outbox, or for the end of the socket.
func (s *socket) put(message []byte) { _ = s.out.Put(s.ctx, frameText(message)) }

// shortID keeps a close reason below the 123 bytes that RFC 6455 allows.
func shortID(id string) string { return string(bytes.ToValidUTF8([]byte(id[:min(len(id), 60)]), nil)) }
