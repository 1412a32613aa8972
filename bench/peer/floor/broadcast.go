package main

import (
	"io"
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

// broadcast writes each published text once to each connection, by gws: of the WebSocket libraries for Go that were compared it costs
// the least CPU and memory.
type broadcast struct {
	gws.BuiltinEventHandler

	mu       sync.Mutex
	open     map[*gws.Conn]struct{}
	upgrader *gws.Upgrader
}

func newBroadcast() *broadcast {
	b := &broadcast{open: map[*gws.Conn]struct{}{}}
	b.upgrader = gws.NewUpgrader(b, &gws.ServerOption{})
	return b
}

// OnOpen is called by gws.
func (b *broadcast) OnOpen(c *gws.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[c] = struct{}{}
}

// OnClose is called by gws.
func (b *broadcast) OnClose(c *gws.Conn, _ error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, c)
}

func (b *broadcast) accept(w http.ResponseWriter, r *http.Request) {
	c, err := b.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	go c.ReadLoop() // as the README of gws advises: net/http lets go of its buffers
}

func (b *broadcast) publish(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	frame := gws.NewBroadcaster(gws.OpcodeText, text)
	for c := range b.open {
		_ = frame.Broadcast(c) // one that is gone is closed by gws
	}
	_ = frame.Close()
	w.Write([]byte("{}"))
}
