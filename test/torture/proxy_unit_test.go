package torture

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// echo returns the address of a server that echoes until the client closes its side, then sends a dot and closes.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
				_, _ = conn.Write([]byte("."))
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// proxiedEcho returns a connection to an echo through a proxy.
func proxiedEcho(t *testing.T) (*proxy, *net.TCPConn) {
	t.Helper()
	p := newProxy(t, echo(t)) // ends before the echo does
	conn, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return p, conn.(*net.TCPConn)
}

// says sends the text and reads its echo.
func says(t *testing.T, conn net.Conn, text string, limit time.Duration) (took time.Duration, ok bool) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return hears(t, conn, text, limit)
}

// hears returns how long the text took, and whether it arrived within the limit.
func hears(t *testing.T, conn net.Conn, text string, limit time.Duration) (took time.Duration, ok bool) {
	t.Helper()
	began := time.Now()
	_ = conn.SetReadDeadline(began.Add(limit))
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	if err != nil && n > 0 || err == nil && string(got) != text {
		t.Fatalf("%q: got %q, %v", text, got[:n], err)
	}
	return time.Since(began), err == nil
}

const (
	soon   = 10 * time.Second       // for bytes that must arrive
	silent = 200 * time.Millisecond // for bytes that must not arrive
)

func TestProxyDelaysEachWay(t *testing.T) {
	t.Parallel()
	p, conn := proxiedEcho(t)
	if _, ok := says(t, conn, "at once", soon); !ok {
		t.Error("no bytes pass")
	}
	p.delay(60 * time.Millisecond)
	if took, ok := says(t, conn, "late", soon); !ok || took < 120*time.Millisecond {
		t.Errorf("took %s, %t, want 60 ms each way", took, ok)
	}
}

func TestProxyFreezesAndThaws(t *testing.T) {
	t.Parallel()
	p, conn := proxiedEcho(t)
	says(t, conn, "before", soon)
	p.freeze()
	if _, ok := says(t, conn, "frozen", silent); ok {
		t.Error("bytes pass")
	}
	_ = conn.CloseWrite()
	other, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, ok := says(t, other, "new", silent); ok {
		t.Error("a new connection is answered")
	}
	p.thaw()
	if _, ok := hears(t, conn, "frozen.", soon); !ok {
		t.Error("the bytes in flight or the end did not arrive")
	}
	if _, ok := hears(t, other, "new", soon); !ok {
		t.Error("the new connection did not thaw")
	}
}

// A frozen proxy hides even the client's close from the server.
func TestProxyFreezesTheEnd(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := newProxy(t, listener.Addr().String())
	client, err := net.Dial("tcp", p.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p.freeze()
	_ = client.Close()
	_ = server.SetReadDeadline(time.Now().Add(silent))
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the server reads %v while the proxy is frozen", err)
	}
	p.thaw()
	_ = server.SetReadDeadline(time.Now().Add(soon))
	if _, err := server.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the server reads %v afterwards", err)
	}
}

func TestProxySwallowsForGood(t *testing.T) {
	t.Parallel()
	p, conn := proxiedEcho(t)
	says(t, conn, "before", soon)
	p.hole()
	if _, ok := says(t, conn, "swallowed", silent); ok {
		t.Error("bytes pass")
	}
	p.heal()
	if _, ok := says(t, conn, "still", silent); ok {
		t.Error("the connection recovered")
	}
}

func TestProxyKeepsCommitsBack(t *testing.T) {
	t.Parallel()
	p, conn := proxiedEcho(t)
	const commit = "Q\x00\x00\x00\x0bcommit\x00"
	if _, ok := says(t, conn, commit, soon); !ok {
		t.Error("a commit that is not held back does not pass")
	}
	h := p.holdCommits()
	if _, ok := says(t, conn, "Q select", soon); !ok || h.count.Load() != 0 {
		t.Error("another statement does not pass")
	}
	if _, ok := says(t, conn, commit, silent); ok || h.count.Load() != 1 {
		t.Errorf("the commit passes; %d are held back", h.count.Load())
	}
	p.passCommits()
	_ = conn.CloseWrite()
	if _, ok := hears(t, conn, ".", silent); ok {
		t.Error("the server learned of the end before it got the commit")
	}
	h.release()
	if _, ok := hears(t, conn, commit+".", soon); !ok {
		t.Error("the commit did not arrive after its release, or not the end")
	}
}

func TestIsCommit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason, sent string
		want         bool
	}{
		{"as pgx sends it", "Q\x00\x00\x00\x0bcommit\x00", true},
		{"in capitals, after another statement", "Q\x00\x00\x00\x20UPDATE chats SET x; COMMIT\x00", true},
		{"another statement", "Q\x00\x00\x00\x0dSELECT 1\x00", false},
		{"not a query", "X\x00\x00\x00\x0bcommit\x00", false},
		{"nothing", "", false},
	} {
		if isCommit([]byte(tc.sent)) != tc.want {
			t.Errorf("%s: %t", tc.reason, !tc.want)
		}
	}
}
