// Package websocket is the server's side of RFC 6455 without extensions: handshake, frames, and messages. It has no goroutine of
// its own, and it never writes: the caller sends the bytes that it builds.
package websocket

import (
	"encoding/binary"
	"unicode/utf8"
)

// Opcode says what a frame is (RFC 6455, 11.8).
type Opcode byte

// The opcodes.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

func (o Opcode) control() bool { return o&0x8 != 0 }

// MaxControl is the most bytes that the payload of a control frame may have (RFC 6455, 5.5).
const MaxControl = 125

// StatusCode says why a connection is closed (RFC 6455, 7.4).
type StatusCode = int

// The codes of RFC 6455 and of IANA's registry that this server sends, or knows what they mean.
const (
	StatusNormalClosure   StatusCode = 1000
	StatusProtocolError   StatusCode = 1002
	StatusNoStatus        StatusCode = 1005 // a close frame without a code; never sent
	StatusInvalidPayload  StatusCode = 1007
	StatusPolicyViolation StatusCode = 1008
	StatusMessageTooBig   StatusCode = 1009
	StatusServiceRestart  StatusCode = 1012
	StatusTryAgainLater   StatusCode = 1013
)

// mayBeSent is what a close frame may carry (RFC 6455, 7.4).
func mayBeSent(c StatusCode) bool {
	return c >= 1000 && c <= 1014 && c != 1004 && c != 1005 && c != 1006 || c >= 3000 && c < 5000
}

// MaxHeader is how many bytes AppendHeader appends at most.
const MaxHeader = 10

// AppendHeader appends the header of a whole, unmasked frame with a payload of that many bytes.
func AppendHeader(to []byte, op Opcode, payload int) []byte {
	to = append(to, 0x80|byte(op))
	switch {
	case payload <= MaxControl:
		return append(to, byte(payload&0x7f))
	case payload < 1<<16:
		return binary.BigEndian.AppendUint16(append(to, 126), uint16(payload&0xffff))
	}
	return binary.BigEndian.AppendUint64(append(to, 127), uint64(payload))
}

// AppendFrame appends a whole, unmasked frame.
func AppendFrame(to []byte, op Opcode, payload []byte) []byte {
	return append(AppendHeader(to, op, len(payload)), payload...)
}

// AppendClose appends a close frame. StatusNoStatus makes one without a code. A reason that is too long is cut.
func AppendClose(to []byte, code StatusCode, reason string) []byte {
	if code == StatusNoStatus {
		return AppendHeader(to, Close, 0)
	}
	reason = reason[:min(len(reason), MaxControl-2)]
	for !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
	}
	to = AppendHeader(to, Close, 2+len(reason))
	return append(binary.BigEndian.AppendUint16(to, uint16(code&0xffff)), reason...)
}

// mask applies a masking key to the bytes of a payload that begin at an offset (RFC 6455, 5.3).
func mask(key [4]byte, offset int64, bytes []byte) {
	for i := range 4 {
		if int64(i) == offset&3 {
			key = [4]byte{key[i], key[(i+1)&3], key[(i+2)&3], key[(i+3)&3]}
			break
		}
	}
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	for len(bytes) >= 8 {
		binary.LittleEndian.PutUint64(bytes, binary.LittleEndian.Uint64(bytes)^word)
		bytes = bytes[8:]
	}
	for i := range bytes {
		bytes[i] ^= key[i&3]
	}
}
