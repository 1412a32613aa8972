package redisbus

import (
	"strconv"
	"strings"
	"sync"
)

// names are what a process calls itself in the registry, one after the other: "<process>.<number>".
type names struct {
	process string

	mu    sync.Mutex
	count int
	known bool // the current one is among the instances in Redis, as far as this process knows
}

func (n *names) name() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nameLocked()
}

func (n *names) nameLocked() string { return n.process + "." + strconv.Itoa(n.count) }

// next takes another name, and returns the old one.
func (n *names) next() (old string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old = n.nameLocked()
	n.count, n.known = n.count+1, false
	return old
}

// announced reports whether the name is among the instances.
func (n *names) announced(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known && name == n.nameLocked()
}

func (n *names) setAnnounced(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.known = n.known || name == n.nameLocked()
}

// has reports whether the name is or was one of this process.
func (n *names) has(name string) bool { return strings.HasPrefix(name, n.process+".") }
