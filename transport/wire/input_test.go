package wire

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestReadingIsPaced: a burst comes at once, more at the pace, and a connection that is closed waits no longer.
func TestReadingIsPaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		conn := NewInput(ours, nil)
		go func() {
			chunk := make([]byte, 4096)
			for {
				if _, err := theirs.Write(chunk); err != nil {
					return
				}
			}
		}()
		began := time.Now()
		if _, err := io.CopyN(io.Discard, conn, ReadBurst); err != nil || time.Since(began) != 0 {
			t.Errorf("a burst took %s, %v", time.Since(began), err)
		}
		if _, err := io.CopyN(io.Discard, conn, 10*ReadRate); err != nil || time.Since(began).Round(time.Second) != 10*time.Second {
			t.Errorf("ten seconds' worth took %s, %v", time.Since(began), err)
		}
		go conn.Close()
		began = time.Now()
		_, err := io.CopyN(io.Discard, conn, 100*ReadRate)
		if err == nil || time.Since(began) > time.Second {
			t.Errorf("after its close it read for %s, %v", time.Since(began), err)
		}
		conn.Close() // twice does no harm
	})
}
