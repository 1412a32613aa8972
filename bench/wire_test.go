//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// A published text carries when it was published: @@ and 19 digits of nanoseconds and @@.
const stampLength = 2 + 19 + 2

func stamped(now time.Time, size int) string {
	text := fmt.Sprintf("@@%019d@@", now.UnixNano())
	return text + strings.Repeat("lorem ipsum dolor sit amet ", size/27+1)[:max(0, size-stampLength)]
}

// stamps finds them in a message.
func stamps(text []byte) (found []int64) {
	for {
		i := bytes.Index(text, []byte("@@"))
		if i < 0 || len(text) < i+stampLength {
			return found
		}
		if text = text[i:]; text[21] != '@' || text[22] != '@' {
			text = text[2:]
			continue
		}
		var n int64
		for _, digit := range text[2:21] {
			n = n*10 + int64(digit-'0')
		}
		found = append(found, n)
		text = text[stampLength:]
	}
}

// The opcodes of RFC 6455.
const (
	textFrame  = 1
	closeFrame = 8
	pingFrame  = 9
	pongFrame  = 10
)

type wireFrame struct {
	opcode  byte
	final   bool
	payload []byte
}

// nextFrame cuts a frame of the server, which is not masked.
func nextFrame(b []byte) (f wireFrame, rest []byte, ok bool) {
	if len(b) < 2 {
		return f, b, false
	}
	length, head := int(b[1]&0x7f), 2
	switch length {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	if len(b) < head {
		return f, b, false
	}
	if head > 2 {
		length = 0
		for _, octet := range b[2:head] {
			length = length<<8 | int(octet)
		}
	}
	if len(b) < head+length {
		return f, b, false
	}
	return wireFrame{opcode: b[0] & 0x0f, final: b[0]&0x80 != 0, payload: b[head : head+length]}, b[head+length:], true
}

// clientFrame is a message as JSON, masked with zeros.
func clientFrame(opcode byte, message any) []byte {
	payload, err := json.Marshal(message)
	if err != nil {
		panic(err) // maps of plain values
	}
	frame := []byte{0x80 | opcode, 0x80 | byte(min(len(payload), 126))}
	if len(payload) >= 126 {
		frame = append(frame, byte(len(payload)>>8), byte(len(payload))) // none is longer than 64 KiB
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}
