//go:build unix

package wire

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// tcp is a connection over the loopback interface.
func tcp(tb testing.TB) (ours, theirs *net.TCPConn) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	dialed, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _, _ = dialed.Close(), accepted.Close() })
	ours, _ = accepted.(*net.TCPConn)
	theirs, _ = dialed.(*net.TCPConn)
	return ours, theirs
}

// TestKernelTakesWhatItCan: frames arrive whole and in order, whether the kernel took them at once, in parts or not at all, and
// nothing is running afterwards.
func TestKernelTakesWhatItCan(t *testing.T) {
	t.Parallel()
	ours, theirs := tcp(t)
	_ = ours.SetWriteBuffer(4 << 10)
	o := newOwner()
	o.out.Open(ours)
	const frames, size = 2000, 3000
	var group sync.WaitGroup
	group.Go(func() {
		got := make([]byte, size)
		for n := range frames {
			if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(n)}, size)) {
				t.Errorf("frame %d: %v", n, err)
				return
			}
		}
	})
	shared, offered := make([]byte, size), 0
	for n := range frames {
		for i := range shared {
			shared[i] = byte(n)
		}
		if o.out.Offer(shared) {
			offered++
		} else if err := o.out.Put(t.Context(), bytes.Clone(shared)); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
	o.out.End(nil)
	o.out.Wait()
	if offered == 0 || o.heard() != "" {
		t.Errorf("%d offers had room; told %q", offered, o.heard())
	}
}

// TestQuietConnectionHasNoBuffer: neither while it waits, nor when all was read.
func TestQuietConnectionHasNoBuffer(t *testing.T) {
	t.Parallel()
	ours, theirs := tcp(t)
	in := NewInput(ours, []byte("abc"))
	for _, want := range []string{"ab", "c", "de", "f"} {
		if want == "de" {
			if in.Buffered() || in.buffer != nil {
				t.Error("there is a buffer, and nothing in it")
			}
			if _, err := theirs.Write([]byte("def")); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, 2)
		if n, err := in.Read(got); err != nil || string(got[:n]) != want {
			t.Errorf("got %q, %v, want %q", got[:n], err, want)
		}
	}
	if in.buffer != nil {
		t.Error("a buffer is left")
	}
	_ = theirs.Close()
	if _, err := in.Read(make([]byte, 2)); err != io.EOF || in.buffer != nil { //nolint:errorlint // io.Reader's contract
		t.Error(err)
	}
	in.Close()
}

// TestAllocations: a frame that the kernel takes costs none.
func TestAllocations(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	ours, theirs := tcp(t)
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	o := newOwner()
	o.out.Open(ours)
	frame := make([]byte, 100)
	refused := 0
	if allocs := testing.AllocsPerRun(100, func() {
		if !o.out.Offer(frame) {
			refused++
		}
	}); allocs > 0 || refused > 0 {
		t.Errorf("%v allocations a frame, %d refused", allocs, refused)
	}
	o.out.End(nil)
	o.out.Wait()
	_ = ours.Close()
}

// BenchmarkOffer is one frame to one connection whose client reads.
func BenchmarkOffer(b *testing.B) {
	ours, theirs := tcp(b)
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	o := newOwner()
	o.out.Open(ours)
	frame := make([]byte, 450)
	b.ReportAllocs()
	for b.Loop() {
		if !o.out.Offer(frame) {
			if err := o.out.Put(b.Context(), bytes.Clone(frame)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
