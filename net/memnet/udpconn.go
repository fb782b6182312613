package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// udpConn is a connected UDP socket that sends to one host. Every receiver of the host gets what is written, whatever
// its port. If the host has no receiver it refuses by ICMP: the next call fails with ECONNREFUSED. Nothing answers.
type udpConn struct {
	host     *Host
	from, to netip.AddrPort

	// The network's lock guards the rest.
	changed  sync.Cond
	refused  bool // and no call has said so yet
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

// dialUDP connects a socket. It sends nothing.
func (h *Host) dialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.net.closed || ctx.Err() != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(to), Err: net.ErrClosed}
	}
	c := &udpConn{host: h, to: to, from: netip.AddrPortFrom(h.route(to.Addr()).pair.from, h.reservePort())}
	c.changed.L = &h.net.mu
	return c, nil
}

// Write sends a datagram.
func (c *udpConn) Write(b []byte) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := c.errLocked("write"); err != nil {
		return 0, err
	}
	way := c.host.route(c.to.Addr())
	if way.to == nil {
		return len(b), nil
	}
	n.sendDatagram(datagram{c.from, append([]byte(nil), b...)}, way)
	if len(way.to.packets) == 0 && way.passesDatagrams() {
		c.after(way.delay()+way.reversed().delay(), func() {
			c.refused = true
			c.changed.Broadcast()
		})
	}
	return len(b), nil
}

// after calls f with the network's lock held.
func (c *udpConn) after(wait time.Duration, f func()) {
	if wait <= 0 {
		f()
		return
	}
	c.host.net.scheduler.at(time.Now().Add(wait), f)
}

// errLocked returns why the socket can't be used now. A refusal is returned once, as a kernel does.
func (c *udpConn) errLocked(op string) error {
	var err error
	switch {
	case c.closed || c.host.net.closed:
		err = net.ErrClosed
	case c.refused:
		c.refused = false
		err = os.NewSyscallError(op, syscall.ECONNREFUSED)
	default:
		return nil
	}
	return &net.OpError{Op: op, Net: "udp", Addr: c.RemoteAddr(), Err: err}
}

// Read waits for a refusal, the deadline or Close.
func (c *udpConn) Read([]byte) (int, error) {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	for {
		if err := c.errLocked("read"); err != nil {
			return 0, err
		}
		if !c.deadline.IsZero() && !time.Now().Before(c.deadline) {
			return 0, &net.OpError{Op: "read", Net: "udp", Addr: c.RemoteAddr(), Err: os.ErrDeadlineExceeded}
		}
		c.changed.Wait()
	}
}

// Close ends Read.
func (c *udpConn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.setDeadlineLocked(time.Time{})
	c.host.release(c.from.Port())
	return nil
}

func (c *udpConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(c.from) }
func (c *udpConn) RemoteAddr() net.Addr               { return net.UDPAddrFromAddrPort(c.to) }
func (c *udpConn) SetWriteDeadline(t time.Time) error { return nil } // a Write never waits
func (c *udpConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }

func (c *udpConn) SetReadDeadline(t time.Time) error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	c.setDeadlineLocked(t)
	return nil
}

func (c *udpConn) setDeadlineLocked(t time.Time) {
	if c.timer != nil {
		c.timer.Stop()
	}
	c.deadline, c.timer = t, nil
	if !t.IsZero() {
		c.timer = time.AfterFunc(time.Until(t), func() {
			c.host.net.mu.Lock()
			defer c.host.net.mu.Unlock()
			c.changed.Broadcast()
		})
	}
	c.changed.Broadcast()
}
