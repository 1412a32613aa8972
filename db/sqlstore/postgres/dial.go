package postgres

import (
	"net"
	"time"
)

// deadPeer is about how long a lost server may go unnoticed. After it, idle connections of the pool fail at once; otherwise each would
// cost a request its whole time.
const deadPeer = 15 * time.Second

// newDialer makes a dialer whose connections notice dead servers: sent data has to be acknowledged, and idle connections are probed.
func newDialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{
		Timeout: timeout,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: deadPeer / 3, Interval: deadPeer / 3, Count: 2,
		},
		Control: limitUnacknowledged,
	}
}
