package transport

import (
	"bytes"
	"net/http"
	"time"

	"studychat/transport/connections"
	"studychat/transport/wire"
)

// takeOver takes the connection of a request in HTTP/1 from net/http, whose handler, request and buffers would be most of the memory
// of a quiet stream. A goroutine waits for the end of the stream, calls over, and is all that remains. It is false in HTTP/2.
func (t *Transport) takeOver(w http.ResponseWriter, r *http.Request, s *eventStream, over func()) bool {
	if r.ProtoMajor != 1 {
		return false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	wire.SetSendBuffer(conn, wire.SendBuffer)
	head, chunked := eventHead(r, w.Header()), r.ProtoAtLeast(1, 1)
	s.mu.Lock()
	s.conn, s.in, s.chunked = conn, wire.NewInput(conn, nil), chunked
	s.unbegun = func() []byte { return t.unbegun(r, w.Header(), head, chunked) }
	s.mu.Unlock()
	s.out.OpenResponse(conn, head, chunked)
	s.settle()              // it may have begun with that
	if s.ctx.Err() != nil { // disconnected before it had a connection
		s.cut()
	}
	go func() {
		s.in.Discard() // up to the end of the connection, by the client or by this server
		s.cutFor(connections.Gone)
		s.out.Wait()
		over()
	}()
	return true
}

// eventHead is the head of a stream in HTTP/1. The connection carries nothing else after it.
func eventHead(r *http.Request, header http.Header) []byte {
	header = header.Clone()
	eventHeaders(header)
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("Connection", "close")
	var b bytes.Buffer
	b.WriteString("HTTP/1.0 200 OK\r\n")
	if r.ProtoAtLeast(1, 1) {
		header.Set("Transfer-Encoding", "chunked")
		b.Reset()
		b.WriteString("HTTP/1.1 200 OK\r\n")
	}
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

// unbegun is what is sent when a stream ends before it began: it is refused for now, and an EventSource is told to reconnect.
func (t *Transport) unbegun(r *http.Request, header http.Header, head []byte, chunked bool) []byte {
	if r.Method == http.MethodGet {
		if chunked {
			return wire.AppendChunk(head, retryEvent)
		}
		return append(head, retryEvent...)
	}
	answer := recorder{header: header.Clone()}
	t.refuse.forNow(&answer, r, t.streams.draining.Load())
	return answer.bytes(r)
}

// recorder is the answer to a request whose connection was taken over.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header { return a.header }

func (a *recorder) WriteHeader(code int) { a.code = code }

func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }

func (a *recorder) bytes(r *http.Request) []byte {
	a.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	length := int64(a.body.Len())
	answer := http.Response{StatusCode: a.code, ProtoMajor: 1, ProtoMinor: r.ProtoMinor, Header: a.header, Close: true, ContentLength: length, Body: http.NoBody}
	var b bytes.Buffer
	answer.Body = readCloser{&a.body}
	_ = answer.Write(&b)
	return b.Bytes()
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// cutFor is cut for a reason, which people are shown.
func (s *eventStream) cutFor(reason string) {
	s.because(reason)
	s.cut()
}

// cut ends the stream so that its client sees a failure. What is being written is cut too, since the response would not be whole
// anyway. A stream without a connection of its own ends by its context.
func (s *eventStream) cut() {
	s.disconnect()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.in == nil || s.closing {
		return
	}
	s.closing = true
	if s.unbegun == nil || !s.out.EndUnbegun(s.unbegun()) {
		s.hangUpLocked(true)
	}
	s.unbegun = nil
}

// hangUpLocked closes the connection. In HTTP/1.0 a response ends in order by closing, so a stream that was cut is reset.
func (s *eventStream) hangUpLocked(failed bool) {
	s.out.End(nil)
	if s.in == nil {
		return
	}
	if failed && !s.chunked {
		wire.ResetOnClose(s.conn)
	}
	s.in.Close()
}

// settle forgets what would be sent if the stream did not begin: it holds the whole request.
func (s *eventStream) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unbegun != nil && s.out.Begun() {
		s.unbegun = nil
	}
}
