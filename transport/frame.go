package transport

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"studychat/transport/websocket"
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

// frameText is the frame of a message.
func frameText(message []byte) []byte {
	return websocket.AppendFrame(make([]byte, 0, websocket.MaxHeader+len(message)), websocket.Text, message)
}

// appendNext appends the frame of an answer, and says where the id of the operation is in it.
func appendNext(to []byte, quoted string, payload []byte) (frame []byte, idAt int) {
	size := len(nextBegins) + len(quoted) + len(nextPayload) + len(payload) + 1
	to = slices.Grow(to, websocket.MaxHeader+size)
	to = websocket.AppendHeader(to, websocket.Text, size)
	to = append(to, nextBegins...)
	idAt = len(to)
	to = append(append(to, quoted...), nextPayload...)
	return append(append(to, payload...), '}'), idAt
}

const (
	nextBegins  = `{"type":"next","id":`
	nextPayload = `,"payload":`
)

// frameNext is the frame of an answer.
func frameNext(quoted string, payload []byte) []byte {
	frame, _ := appendNext(nil, quoted, payload)
	return frame
}

// quote is an id as JSON.
func quote(id string) string { return string(encode(id)) }

// messageError carries the errors of a refused operation. It ends the operation: no complete follows.
func messageError(quoted string, answer *graphql.Response) []byte {
	return message("error", quoted, encode(answer.Errors))
}

var (
	messageAck = message("connection_ack", "", nil)
	framePing  = frameText(message("ping", "", nil))
)

func messageComplete(quoted string) []byte { return message("complete", quoted, nil) }

func message(kind, quoted string, payload []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(kind) + len(quoted) + len(payload) + 40)
	b.WriteString(`{"type":"`)
	b.WriteString(kind)
	b.WriteByte('"')
	if quoted != "" {
		b.WriteString(`,"id":`)
		b.WriteString(quoted)
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
func eventNext(quoted string, payload []byte, cursor string) []byte {
	event, _ := appendEvent(nil, "next", quoted, payload, cursor)
	return event
}

// eventComplete has empty data: without data, EventSource would not pass it to its listeners.
func eventComplete(quoted string) []byte {
	event, _ := appendEvent(nil, "complete", quoted, nil, "")
	return event
}

// appendEvent appends an event, and says where the id of the operation is in it.
func appendEvent(to []byte, kind, quoted string, payload []byte, id string) (event []byte, idAt int) {
	to = slices.Grow(to, len(kind)+len(quoted)+len(payload)+len(id)+60)
	if id != "" && !strings.ContainsAny(id, "\r\n\x00") {
		to = append(append(append(to, "id: "...), id...), '\n')
	}
	to = append(append(append(to, "event: "...), kind...), "\ndata: "...)
	if quoted == "" {
		return append(append(to, oneLine(payload)...), "\n\n"...), 0
	}
	to = append(to, `{"id":`...)
	idAt = len(to)
	to = append(to, quoted...)
	if payload != nil {
		to = append(append(to, nextPayload...), oneLine(payload)...)
	}
	return append(to, "}\n\n"...), idAt
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
