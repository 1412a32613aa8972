package torture

import (
	"bufio"
	"context"
	wire "encoding/binary"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Frames of HTTP/2 (RFC 9113, 6). They are written by hand, because no well-behaved client can send these sequences.
const (
	h2Data, h2Headers, h2Reset, h2Settings, h2Ping, h2GoAway, h2Window = 0, 1, 3, 4, 6, 7, 8

	h2EndStream, h2EndHeaders, h2Ack = 1, 4, 1 // flags
)

// h2 is a connection that need not grant the server more than the initial 64 KB.
type h2 struct {
	grants  bool // widens the window by what it has read
	conn    net.Conn
	buffer  *bufio.Writer
	writing sync.Mutex
	reading sync.WaitGroup

	mu     sync.Mutex
	resets map[uint32]time.Time // streams that the server has reset
	bytes  int                  // of responses
	ended  bool                 // the whole connection
}

func dialH2(ctx context.Context, i *instance, grants bool) (*h2, error) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(i.address(), "http://"))
	if err != nil {
		return nil, err
	}
	c := &h2{grants: grants, conn: conn, buffer: bufio.NewWriter(conn), resets: map[uint32]time.Time{}}
	_, _ = c.buffer.WriteString("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	c.reading.Go(c.read)
	return c, c.frames(frameOf(h2Settings, 0, 0, nil))
}

func (c *h2) close() {
	_ = c.conn.Close()
	c.reading.Wait()
}

func frameOf(kind, flags byte, stream uint32, payload []byte) []byte {
	head := wire.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	head = wire.BigEndian.AppendUint32(append(head, flags), stream)
	return append(head, payload...)
}

// frames sends all frames in one write.
func (c *h2) frames(frames ...[]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	for _, f := range frames {
		if _, err := c.buffer.Write(f); err != nil {
			return err
		}
	}
	return c.buffer.Flush()
}

// read reads and answers the server's frames.
func (c *h2) read() {
	in := bufio.NewReader(c.conn)
	head := make([]byte, 9)
	for {
		_, err := io.ReadFull(in, head)
		payload := make([]byte, wire.BigEndian.Uint32(head)>>8)
		if err == nil {
			_, err = io.ReadFull(in, payload)
		}
		c.mu.Lock()
		switch kind, stream := head[3], wire.BigEndian.Uint32(head[5:]); {
		case err != nil || kind == h2GoAway:
			c.ended = true
		case kind == h2Reset:
			c.resets[stream] = time.Now()
		case kind == h2Data:
			c.bytes += len(payload)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
		if stream := wire.BigEndian.Uint32(head[5:]); c.grants && head[3] == h2Data && len(payload) > 0 {
			more := wire.BigEndian.AppendUint32(nil, uint32(len(payload)))
			_ = c.frames(frameOf(h2Window, 0, 0, more), frameOf(h2Window, 0, stream, more))
		}
		if kind := head[3]; head[4]&h2Ack == 0 && (kind == h2Settings || kind == h2Ping) {
			if kind == h2Settings {
				payload = nil
			}
			c.reading.Go(func() { _ = c.frames(frameOf(kind, h2Ack, 0, payload)) }) // concurrently: a flood holds the writer
		}
	}
}

// follow returns a request for a chat's events on a stream.
func follow(user, chat string, stream uint32) []byte {
	path := "/graphql?" + url.Values{
		"query": {"subscription($chat: ID) { chatEvents(chatId: $chat) { __typename cursor } }"}, "variables": {`{"chat":"` + chat + `"}`},
	}.Encode()
	var block []byte
	for _, field := range [][2]string{
		{":method", "GET"}, {":scheme", "http"}, {":authority", "studychat"}, {":path", path},
		{"accept", "text/event-stream"}, {"authorization", "Bearer " + token(user)},
	} {
		block = append(block, 0) // literal without indexing, with a literal name (RFC 7541, 6.2.2)
		for _, text := range field {
			block = append(hpackLength(block, len(text)), text...)
		}
	}
	return frameOf(h2Headers, h2EndStream|h2EndHeaders, stream, block)
}

// flood opens streams and resets each at once, until the server closes the connection. It returns their number.
func (c *h2) flood(open []byte, streams int) (sent int) {
	cancel := wire.BigEndian.AppendUint32(nil, 8)
	for ; sent < streams; sent++ {
		id := uint32(2*sent + 1)
		wire.BigEndian.PutUint32(open[5:], id)
		_, _, _, ended := c.state()
		if ended || c.frames(open, frameOf(h2Reset, 0, id, cancel)) != nil {
			return sent
		}
	}
	return sent
}

// hpackLength appends the length of a string that is not Huffman coded, with a prefix of 7 bits (RFC 7541, 5.1).
func hpackLength(to []byte, n int) []byte {
	const prefix = 1<<7 - 1
	if n < prefix {
		return append(to, byte(n))
	}
	return wire.AppendUvarint(append(to, prefix), uint64(n-prefix))
}

// state returns what the server has reset and sent so far.
func (c *h2) state() (resets, bytes int, last time.Time, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.resets {
		if at.After(last) {
			last = at
		}
	}
	return len(c.resets), c.bytes, last, c.ended
}

func TestHPACKLength(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][]byte{0: {0}, 126: {126}, 127: {127, 0}, 254: {127, 127}, 255: {127, 128, 1}, 1464: {127, 185, 10}} {
		if got := hpackLength(nil, n); !slices.Equal(got, want) {
			t.Errorf("%d is %v, want %v", n, got, want)
		}
	}
}

func TestFrameOfHTTP2(t *testing.T) {
	t.Parallel()
	want := []byte{0, 0, 2, h2Headers, h2EndHeaders, 0, 0, 0, 5, 'h', 'i'} // RFC 9113, 4.1: length, type, flags, stream
	if got := frameOf(h2Headers, h2EndHeaders, 5, []byte("hi")); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
