package app

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often the files of a certificate are looked at, while handshakes come.
const lookEvery = 10 * time.Second

// certificate is the server's TLS certificate. It is read again when one of its files has changed, as those that renew certificates expect,
// and on SIGHUP. While the files cannot be read, or do not belong together yet, the one before stays in use.
type certificate struct {
	cert, key string // files
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]os.FileInfo // of the files when they were read last; nil for one that was not there
	looked  time.Time
}

// newCertificate continues with one that was read from the files just now.
func newCertificate(cert, key string, current *tls.Certificate, log *slog.Logger) *certificate {
	c := &certificate{cert: cert, key: key, log: log, current: current, looked: time.Now()}
	c.seen = c.state()
	return c
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= lookEvery {
		c.looked = time.Now()
		if state := c.state(); changed(c.seen[0], state[0]) || changed(c.seen[1], state[1]) {
			c.readLocked(state)
		}
	}
	return c.current, nil
}

// reload reads the files, whether they have changed or not.
func (c *certificate) reload() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readLocked(c.state())
}

// readLocked reads the files. state is from before: what changes meanwhile is read next time.
func (c *certificate) readLocked(state [2]os.FileInfo) {
	c.seen = state
	next, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		c.log.Warn("the TLS certificate cannot be read; the one before stays in use", "error", err)
		return
	}
	c.current = &next
	c.log.Info("the TLS certificate was read again", "expires", next.Leaf.NotAfter)
}

func (c *certificate) state() (states [2]os.FileInfo) {
	for i, file := range []string{c.cert, c.key} {
		if info, err := os.Stat(file); err == nil {
			states[i] = info
		}
	}
	return states
}

// changed says whether a file was written or replaced. Two files that were written within a few milliseconds have the same time.
func changed(before, after os.FileInfo) bool {
	if before == nil || after == nil {
		return before != after
	}
	return !os.SameFile(before, after) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime())
}
