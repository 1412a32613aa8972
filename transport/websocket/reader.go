package websocket

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"unicode/utf8"
)

// Violation is why the server must close the connection: the client broke the protocol, or sent too much.
type Violation struct {
	Code   StatusCode
	Reason string
}

func (v *Violation) Error() string { return v.Reason }

// Closed says that the client has sent its close frame.
type Closed struct{ Code StatusCode }

func (*Closed) Error() string { return "the client has closed the connection" }

func broken(reason string) error { return &Violation{StatusProtocolError, reason} }

var errTooBig = &Violation{StatusMessageTooBig, "Message too big"}

// Reader reads the messages of a client. It has one user at a time.
type Reader struct {
	from    io.Reader
	control func(op Opcode, payload []byte) // gets pings and pongs
	limit   int64                           // bytes of a message

	message bool    // Next returned one that was not read to its end
	final   bool    // the current frame is the last of its message
	size    int64   // of the message, up to the end of the current frame
	left    int64   // of the current frame
	offset  int64   // in the current frame
	key     [4]byte // of the current frame
	head    [14]byte
	err     error // after it the bytes have no meaning
}

// NewReader makes a Reader. It calls control for each ping and pong, also in the middle of a message; the payload may be kept.
// Messages of more than limit bytes are a violation.
func NewReader(from io.Reader, limit int64, control func(op Opcode, payload []byte)) *Reader {
	return &Reader{from: from, control: control, limit: limit}
}

// SetLimit changes how many bytes a message may have.
func (r *Reader) SetLimit(limit int64) { r.limit = limit }

// Next waits for the next message, and skips what was not read of the last. The error is a *Violation, a *Closed, or that of the
// connection. After a message that is too big Next may be called again.
func (r *Reader) Next() (Opcode, error) {
	for r.message {
		if err := r.skipFrame(); err != nil {
			return 0, err
		}
		if r.final {
			r.message = false
			break
		}
		if _, err := r.nextFrame(); err != nil {
			return 0, err
		}
	}
	r.size = 0
	return r.nextFrame()
}

// Read reads the current message, up to io.EOF.
func (r *Reader) Read(p []byte) (int, error) {
	for r.left == 0 {
		if r.final || !r.message {
			r.message = false
			return 0, io.EOF
		}
		if _, err := r.nextFrame(); err != nil {
			return 0, err
		}
	}
	n, err := r.from.Read(p[:min(int64(len(p)), r.left)])
	mask(r.key, r.offset, p[:n])
	r.left -= int64(n)
	r.offset += int64(n)
	return n, r.fail(err)
}

// Discard reads what still comes, whatever it means, up to the end of the connection.
func (r *Reader) Discard() { _, _ = io.Copy(io.Discard, r.from) }

// nextFrame goes to the next frame with data, and handles control frames on the way.
func (r *Reader) nextFrame() (Opcode, error) {
	for r.err == nil {
		op, err := r.readHeader()
		if err == nil && op.control() {
			err = r.readControl(op)
		} else if err == nil {
			return op, r.admit()
		}
		_ = r.fail(err)
	}
	return 0, r.err
}

// readHeader reads and checks the header of a frame (RFC 6455, 5.2).
func (r *Reader) readHeader() (op Opcode, err error) {
	if _, err := io.ReadFull(r.from, r.head[:2]); err != nil {
		return 0, err
	}
	op, final := Opcode(r.head[0]&0x0f), r.head[0]&0x80 != 0
	length := int64(r.head[1] & 0x7f)
	switch {
	case r.head[0]&0x70 != 0:
		return 0, broken("A reserved bit is set")
	case op > Binary && op < Close || op > Pong:
		return 0, broken("Unknown opcode")
	case r.head[1]&0x80 == 0:
		return 0, broken("A frame is not masked")
	case op.control() && !final:
		return 0, broken("A control frame in fragments")
	case op == Continuation && !r.message:
		return 0, broken("A continuation without a beginning")
	case (op == Text || op == Binary) && r.message:
		return 0, broken("A message inside of a message")
	}
	extended := 0
	switch length {
	case 126:
		extended = 2
	case 127:
		extended = 8
	}
	if _, err := io.ReadFull(r.from, r.head[2:2+extended+4]); err != nil {
		return 0, err
	}
	switch extended {
	case 2:
		length = int64(binary.BigEndian.Uint16(r.head[2:]))
	case 8:
		wide := binary.BigEndian.Uint64(r.head[2:])
		if wide > math.MaxInt64 {
			return 0, broken("A length is negative")
		}
		length = int64(wide)
	}
	if op.control() && length > MaxControl {
		return 0, broken("A control frame is too long")
	}
	copy(r.key[:], r.head[2+extended:])
	r.left, r.offset = length, 0
	if !op.control() {
		r.final, r.message = final, true
	}
	return op, nil
}

// admit counts the current frame as a part of its message.
func (r *Reader) admit() error {
	if r.left > r.limit-r.size {
		return errTooBig
	}
	r.size += r.left
	return nil
}

func (r *Reader) readControl(op Opcode) error {
	payload := make([]byte, r.left)
	r.left = 0
	if _, err := io.ReadFull(r.from, payload); err != nil {
		return err
	}
	mask(r.key, 0, payload)
	if op != Close {
		r.control(op, payload)
		return nil
	}
	if len(payload) == 0 {
		return &Closed{StatusNoStatus}
	}
	if len(payload) == 1 || !mayBeSent(StatusCode(binary.BigEndian.Uint16(payload))) {
		return broken("A close frame without a valid code")
	}
	if !utf8.Valid(payload[2:]) {
		return &Violation{StatusInvalidPayload, "A close reason is not UTF-8"}
	}
	return &Closed{StatusCode(binary.BigEndian.Uint16(payload))}
}

// skipFrame reads the rest of the current frame.
func (r *Reader) skipFrame() error {
	n, err := io.CopyN(io.Discard, r.from, r.left)
	r.left -= n
	return r.fail(err)
}

// fail keeps an error after which nothing can be read.
func (r *Reader) fail(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		r.err = err
	}
	return err
}
