package transport

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/99designs/gqlgen/graphql"
)

// All bytes of answers and events are built here: payload renders an answer of the executor, and the other functions wrap it
// for their protocol. A payload does not depend on its client, so that one payload can be wrapped for many.

// payload renders an answer (GraphQL, September 2025, 7.1). A request error has no `data` entry; the executor leaves its data
// empty instead of null.
func payload(answer *graphql.Response) []byte {
	return appendPayload(make([]byte, 0, len(answer.Data)+len(`{"data":}`)), answer)
}

func appendPayload(b []byte, answer *graphql.Response) []byte {
	b = append(b, '{')
	if len(answer.Errors) > 0 {
		b = append(append(b, `"errors":`...), encode(answer.Errors)...)
	}
	data := answer.Data
	if len(data) == 0 && len(answer.Errors) == 0 {
		data = []byte("null")
	}
	if len(data) > 0 {
		if len(answer.Errors) > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `"data":`...), data...)
	}
	if len(answer.Extensions) > 0 {
		b = append(append(b, `,"extensions":`...), encode(answer.Extensions)...)
	}
	return append(b, '}')
}

// encode never fails for what it is called with: errors, extensions and texts made here.
func encode(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return out
}

// Messages of graphql-transport-ws.

func messageNext(id string, payload []byte) []byte { return message("next", id, payload) }

// messageError carries the errors of a refused operation. It ends the operation: no complete follows.
func messageError(id string, answer *graphql.Response) []byte {
	return message("error", id, encode(answer.Errors))
}

var (
	messageAck  = message("connection_ack", "", nil)
	messagePing = message("ping", "", nil)
)

func messageComplete(id string) []byte { return message("complete", id, nil) }

func message(kind, id string, payload []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(kind) + len(id) + len(payload) + 40)
	b.WriteString(`{"type":"`)
	b.WriteString(kind)
	b.WriteByte('"')
	if id != "" {
		b.WriteString(`,"id":`)
		b.Write(encode(id))
	}
	if payload != nil {
		b.WriteString(`,"payload":`)
		b.Write(payload)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Events of graphql-sse.

// heartbeatComment is ignored by every reader and keeps proxies from closing a quiet stream.
var heartbeatComment = []byte(":\n\n")

// retryEvent tells an EventSource to reconnect after as many milliseconds as Chrome waits by itself.
var retryEvent = []byte("retry: 3000\n\n")

// eventID sets the id that an EventSource sends back as Last-Event-ID. Without data it is not an event (HTML, 9.2.6). "" sets
// nothing.
func eventID(cursor string) []byte {
	if cursor == "" || strings.ContainsAny(cursor, "\r\n\x00") {
		return nil
	}
	return []byte("id: " + cursor + "\n\n")
}

// eventNext is an answer on a stream of its own (operation "") or on a shared one. cursor becomes the event's id, which
// EventSource sends back as Last-Event-ID.
func eventNext(operation string, payload []byte, cursor string) []byte {
	return event("next", operation, payload, cursor)
}

// eventComplete has empty data: without data, EventSource would not pass it to its listeners.
func eventComplete(operation string) []byte { return event("complete", operation, nil, "") }

func event(kind, operation string, payload []byte, id string) []byte {
	var b bytes.Buffer
	b.Grow(len(kind) + len(operation) + len(payload) + len(id) + 60)
	if id != "" && !strings.ContainsAny(id, "\r\n\x00") {
		b.WriteString("id: ")
		b.WriteString(id)
		b.WriteByte('\n')
	}
	b.WriteString("event: ")
	b.WriteString(kind)
	b.WriteString("\ndata: ")
	if operation == "" {
		b.Write(oneLine(payload))
	} else {
		b.WriteString(`{"id":`)
		b.Write(encode(operation))
		if payload != nil {
			b.WriteString(`,"payload":`)
			b.Write(oneLine(payload))
		}
		b.WriteByte('}')
	}
	b.WriteString("\n\n")
	return b.Bytes()
}

// oneLine keeps a payload from ending its field (HTML, 9.2.6: CR, LF and CRLF end a line). Inside JSON's texts they are
// escaped, so only space between tokens is lost.
func oneLine(payload []byte) []byte {
	if !bytes.ContainsAny(payload, "\r\n") {
		return payload
	}
	var b bytes.Buffer
	if err := json.Compact(&b, payload); err != nil {
		return []byte("null")
	}
	return b.Bytes()
}
