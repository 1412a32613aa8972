//go:build linux

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
)

func (c *crowd) handshake(s *subscriber, n int) error {
	variables := map[string]any{"c": dataChat(c.chat, n)}
	if c.carrier == overEvents {
		request := bytes.Replace(post(c.addr(n), c.path, c.user(n), eventsDocument, variables), []byte("Accept: application/json"), []byte("Accept: text/event-stream"), 1)
		if err := writeAll(s.fd, request); err != nil {
			return err
		}
		return s.head("HTTP/1.1 200 ")
	}
	if err := writeAll(s.fd, []byte(c.upgrade(n))); err != nil {
		return err
	}
	if err := s.head("HTTP/1.1 101 "); err != nil || c.carrier == overRaw {
		return err
	}
	hello := map[string]any{"type": "connection_init"}
	if user := c.user(n); user != "" {
		hello["payload"] = map[string]any{"Authorization": "Bearer " + token(user)}
	}
	if err := writeAll(s.fd, clientFrame(textFrame, hello)); err != nil {
		return err
	}
	if text, err := s.message(); err != nil || !bytes.Contains(text, []byte("connection_ack")) {
		return fmt.Errorf("no acknowledgement: %q %w", text, err)
	}
	id := fmt.Sprintf("5f6e2c1a-0000-4000-8000-%012x", n) // as long as those of graphql-ws
	return writeAll(s.fd, clientFrame(textFrame, map[string]any{"type": "subscribe", "id": id, "payload": map[string]any{"query": eventsDocument, "variables": variables}}))
}

func (c *crowd) upgrade(n int) string {
	protocol := "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
	if c.carrier == overRaw {
		protocol = ""
	}
	return "GET " + c.path + " HTTP/1.1\r\nHost: " + c.addr(n) + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + protocol + "\r\n"
}

// head reads the head of a response; what comes after it stays in the buffer.
func (s *subscriber) head(status string) error {
	for {
		if head, rest, ok := bytes.Cut(s.buffer, []byte("\r\n\r\n")); ok {
			if !bytes.HasPrefix(head, []byte(status)) {
				return fmt.Errorf("refused: %q", s.buffer)
			}
			s.buffer = bytes.Clone(rest)
			return nil
		}
		if err := s.more(); err != nil {
			return err
		}
	}
}

// message reads one text message of the handshake.
func (s *subscriber) message() ([]byte, error) {
	for {
		if f, rest, ok := nextFrame(s.buffer); ok {
			text := bytes.Clone(f.payload)
			s.buffer = bytes.Clone(rest)
			if f.opcode == textFrame {
				return text, nil
			}
			if f.opcode == closeFrame {
				return text, io.EOF
			}
			continue
		}
		if err := s.more(); err != nil {
			return nil, err
		}
	}
}

func (s *subscriber) more() error {
	var scratch [4096]byte
	n, err := syscall.Read(s.fd, scratch[:])
	switch {
	case errors.Is(err, syscall.EINTR):
		return nil
	case err != nil:
		return err
	case n == 0:
		return io.ErrUnexpectedEOF
	}
	s.buffer = append(s.buffer, scratch[:n]...)
	return nil
}
