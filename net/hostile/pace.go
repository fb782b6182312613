package hostile

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/net/group"
)

// pacedConn reads at a pace that may change.
type pacedConn struct {
	net.Conn
	ctx  context.Context // ends with Close
	end  context.CancelFunc
	pace func() (bytesPerSecond float64)
	on   *atomic.Bool // else it reads at full speed
}

// Read waits as long as the bytes take. While the pace is 0 it reads nothing; below 0 it reads at full speed.
func (c pacedConn) Read(b []byte) (int, error) {
	if !c.on.Load() {
		return c.Conn.Read(b)
	}
	rate := c.pace()
	for rate == 0 {
		if !group.Sleep(c.ctx, time.Second, nil) {
			return 0, net.ErrClosed
		}
		rate = c.pace()
	}
	if rate < 0 {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b[:min(len(b), max(1, int(rate/10)))])
	group.Sleep(c.ctx, time.Duration(float64(n)/rate*float64(time.Second)), nil)
	return n, err
}

// Close ends a Read that waits, too.
func (c pacedConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// CloseWrite ends our direction.
func (c pacedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
