package postgres

import (
	"net"
	"time"
)

// deadPeer is how long a server that was lost without a word may go unnoticed, about: after it, connections that wait in the
// pool fail at once rather than cost a request its whole time each.
const deadPeer = 15 * time.Second

// newDialer notices dead servers: what is sent has to be acknowledged, and a connection on which nothing is sent is
// probed.
func newDialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: deadPeer / 3, Interval: deadPeer / 3, Count: 2,
		},
		Control: limitUnacknowledged,
	}
}
