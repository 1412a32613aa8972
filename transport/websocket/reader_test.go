package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

// masked is a frame of a client.
func masked(head byte, payload string) string {
	frame := AppendHeader(nil, 0, len(payload))
	frame[0], frame[1] = head, frame[1]|0x80
	key := [4]byte{0x12, 0x34, 0x56, 0x78}
	bytes := []byte(payload)
	mask(key, 0, bytes)
	return string(append(append(frame, key[:]...), bytes...))
}

const (
	text, binary1, cont, closing, ping, pong = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8a
	textBegins, contGoesOn                   = 0x01, 0x00
)

// said reads everything: messages as "text:…" or "binary:…", control frames as "ping:…" and "pong:…", and how it ended.
func said(from io.Reader, limit int64) string {
	var out []string
	r := NewReader(from, limit, func(op Opcode, payload []byte) {
		out = append(out, map[Opcode]string{Ping: "ping:", Pong: "pong:"}[op]+string(payload))
	})
	for {
		kind, err := r.Next()
		if err == nil {
			var message []byte
			if message, err = io.ReadAll(r); err == nil {
				out = append(out, map[Opcode]string{Text: "text:", Binary: "binary:"}[kind]+string(message))
				continue
			}
		}
		violation, bad := errors.AsType[*Violation](err)
		closed, ended := errors.AsType[*Closed](err)
		switch {
		case bad:
			return strings.Join(append(out, fmt.Sprint("violation ", violation.Code)), " ")
		case ended:
			return strings.Join(append(out, fmt.Sprint("closed ", closed.Code)), " ")
		}
		return strings.Join(append(out, "cut"), " ")
	}
}

// TestFrames is what a client may say and may not, by RFC 6455.
func TestFrames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 126)
	huge := strings.Repeat("y", 1<<16)
	for _, c := range []struct {
		reason, bytes, want string
	}{
		{"a text", masked(text, "Hello"), "text:Hello cut"},
		{"an empty text", masked(text, ""), "text: cut"},
		{"a binary message", masked(binary1, "\x00\xff"), "binary:\x00\xff cut"},
		{"a text of 126 bytes", masked(text, long), "text:" + long + " cut"},
		{"a text of 65536 bytes", masked(text, huge), "text:" + huge + " cut"},
		{"fragments", masked(textBegins, "Hel") + masked(contGoesOn, "l") + masked(cont, "o"), "text:Hello cut"},
		{"empty fragments", masked(textBegins, "") + masked(contGoesOn, "") + masked(cont, "x"), "text:x cut"},
		{"control frames between fragments", masked(textBegins, "Hel") + masked(ping, "a") + masked(pong, "b") + masked(cont, "lo"), "ping:a pong:b text:Hello cut"},
		{"the end between fragments", masked(textBegins, "Hel") + masked(closing, "\x03\xe8"), "closed 1000"},
		{"a cut in a fragment", masked(textBegins, "Hel"), "cut"},
		{"a cut in a header", masked(text, long)[:3], "cut"},
		{"a cut in a payload", masked(text, "Hello")[:8], "cut"},
		{"two messages", masked(text, "a") + masked(text, "b"), "text:a text:b cut"},
		{"a message in a message", masked(textBegins, "a") + masked(text, "b"), "violation 1002"},
		{"a continuation of nothing", masked(cont, "a"), "violation 1002"},
		{"a continuation after the end", masked(text, "a") + masked(cont, "b"), "text:a violation 1002"},
		{"not masked", "\x81\x01a", "violation 1002"},
		{"an empty frame that is not masked", "\x81\x00", "violation 1002"},
		{"the first reserved bit", masked(text|0x40, "a"), "violation 1002"},
		{"the second reserved bit", masked(text|0x20, "a"), "violation 1002"},
		{"the third reserved bit", masked(text|0x10, "a"), "violation 1002"},
		{"a reserved bit of a ping", masked(ping|0x40, "a"), "violation 1002"},
		{"an unknown kind of data", masked(0x83, "a"), "violation 1002"},
		{"an unknown kind of control", masked(0x8b, "a"), "violation 1002"},
		{"a ping of 125 bytes", masked(ping, long[:125]), "ping:" + long[:125] + " cut"},
		{"a ping of 126 bytes", masked(ping, long), "violation 1002"},
		{"a ping in fragments", masked(ping&0x7f, "a"), "violation 1002"},
		{"a close of 126 bytes", masked(closing, "\x03\xe8"+long[:124]), "violation 1002"},
		{"a close with a reason", masked(closing, "\x03\xe8bye"), "closed 1000"},
		{"a close without a code", masked(closing, ""), "closed 1005"},
		{"a close with half a code", masked(closing, "\x03"), "violation 1002"},
		{"a close with 999", masked(closing, "\x03\xe7"), "violation 1002"},
		{"a close with 1004", masked(closing, "\x03\xec"), "violation 1002"},
		{"a close with 1005", masked(closing, "\x03\xed"), "violation 1002"},
		{"a close with 1006", masked(closing, "\x03\xee"), "violation 1002"},
		{"a close with 1014", masked(closing, "\x03\xf6"), "closed 1014"},
		{"a close with 1015", masked(closing, "\x03\xf7"), "violation 1002"},
		{"a close with 2999", masked(closing, "\x0b\xb7"), "violation 1002"},
		{"a close with 3000", masked(closing, "\x0b\xb8"), "closed 3000"},
		{"a close with 4999", masked(closing, "\x13\x87"), "closed 4999"},
		{"a close with 5000", masked(closing, "\x13\x88"), "violation 1002"},
		{"a close whose reason is not UTF-8", masked(closing, "\x03\xe8\xff"), "violation 1007"},
		{"a negative length", "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "violation 1002"},
		{"a length of exabytes", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "violation 1009"},
		{"too long", masked(text, huge+huge), "violation 1009"},
		{"too long in fragments", masked(textBegins, huge) + masked(cont, huge), "violation 1009"},
	} {
		for _, from := range []io.Reader{strings.NewReader(c.bytes), iotest.OneByteReader(strings.NewReader(c.bytes))} {
			if got := said(from, 100_000); got != c.want {
				t.Errorf("%s: %.100q, want %.100q", c.reason, got, c.want)
			}
		}
	}
}

// TestWhatIsNotReadIsSkipped: also a message that is too big, so that the client's close frame is found after it.
func TestWhatIsNotReadIsSkipped(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader(masked(text, "a")+masked(textBegins, "too big")+masked(ping, "")+masked(cont, "!")+masked(text, "c")+masked(closing, "")), 3, func(Opcode, []byte) {})
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if violation, ok := errors.AsType[*Violation](second(r.Next())); !ok || violation.Code != StatusMessageTooBig {
		t.Fatal(violation)
	}
	r.SetLimit(math.MaxInt64)
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if closed, ok := errors.AsType[*Closed](second(r.Next())); !ok || closed.Code != StatusNoStatus {
		t.Error(closed)
	}
}

func second(_ Opcode, err error) error { return err }

func TestMasks(t *testing.T) {
	t.Parallel()
	key := [4]byte{1, 2, 3, 4}
	for offset := range int64(9) {
		for size := range 40 {
			got := make([]byte, size)
			mask(key, offset, got)
			for i := range got {
				if got[i] != key[(offset+int64(i))%4] {
					t.Fatalf("%d bytes at %d: %v", size, offset, got)
				}
			}
		}
	}
}

func TestServerFrames(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		"\x81\x05Hello":            AppendFrame(nil, Text, []byte("Hello")),
		"\x8a\x00":                 AppendFrame(nil, Pong, nil),
		"\x88\x05\x03\xe8bye":      AppendClose(nil, StatusNormalClosure, "bye"),
		"\x88\x00":                 AppendClose(nil, StatusNoStatus, ""),
		"\x81\x7e\x00\x7e":         AppendHeader(nil, Text, 126),
		"\x81\x7e\xff\xff":         AppendHeader(nil, Text, 65535),
		"\x81\x7f\x00\x00\x00\x00": AppendHeader(nil, Text, 65536)[:6],
	} {
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	long := AppendClose(nil, 4000, strings.Repeat("é", 100))
	if len(long) > 2+MaxControl || !bytes.HasSuffix(long, []byte("é")) {
		t.Errorf("a long reason: %q", long)
	}
}
