package memnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is an end of a stream: a net.Conn that has CloseWrite too. The network's lock guards the fields that
// change.
type conn struct {
	net           *Network
	stream        *stream
	host          *Host
	local, remote netip.AddrPort
	in, out       *pipe

	closed    bool          // by Close or Network.Close
	broken    syscall.Errno // error that a reset left, 0 before
	sentReset bool          // a reset was sent
	read      deadline
	write     deadline
}

// Read implements net.Conn. It waits for bytes, the end, a reset or the read deadline.
func (c *conn) Read(b []byte) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	p := c.in
	for {
		switch {
		case c.closed:
			return 0, c.fail("read", net.ErrClosed)
		case c.read.expired:
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		case len(b) == 0:
			return 0, nil
		case p.unread.Len() > 0:
			size, _ := p.unread.Read(b)
			p.size -= size
			p.writable.Broadcast()
			return size, nil
		case p.eof:
			return 0, io.EOF
		case c.broken != 0:
			return 0, c.fail("read", os.NewSyscallError("read", c.broken))
		}
		p.readable.Wait()
	}
}

// Write implements net.Conn. It returns when the stream's buffer holds all of b, or with the number of bytes
// before a failure. Concurrent writes don't mix.
func (c *conn) Write(b []byte) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	p := c.out
	for p.writing {
		if err := c.writeError(); err != nil {
			return 0, err
		}
		p.writable.Wait()
	}
	p.writing = true
	defer func() {
		p.writing = false
		p.writable.Broadcast()
	}()
	for done := 0; ; {
		if err := c.writeError(); err != nil {
			return done, err
		}
		if room := min(Buffer-p.size, len(b)-done); room > 0 {
			p.unsent.Write(b[done : done+room])
			p.size += room
			done += room
			p.pump()
		}
		if done == len(b) {
			return done, nil
		}
		p.writable.Wait()
	}
}

// writeError returns why a Write can't go on, or nil.
func (c *conn) writeError() error {
	switch {
	case c.closed:
		return c.fail("write", net.ErrClosed)
	case c.write.expired:
		return c.fail("write", os.ErrDeadlineExceeded)
	case c.broken != 0:
		return c.fail("write", os.NewSyscallError("write", c.broken))
	case c.out.ending:
		return c.fail("write", os.NewSyscallError("write", syscall.EPIPE))
	}
	return nil
}

// Close ends both directions. Written bytes are still delivered, unless bytes that arrived here were not
// read: then the peer gets a reset. A second Close fails with net.ErrClosed, as TCP's does.
func (c *conn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	unread := c.in.unread.Len()
	c.shut()
	switch {
	case c.broken != 0:
	case unread > 0:
		c.reset()
	default:
		c.out.ending = true
		c.out.pump()
	}
	c.stream.removeIfOver()
	return nil
}

// CloseWrite ends the direction to the peer, which reads all written bytes and then io.EOF.
func (c *conn) CloseWrite() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	if c.broken != 0 {
		return c.fail("close", os.NewSyscallError("shutdown", syscall.ENOTCONN))
	}
	c.out.ending = true
	c.out.writable.Broadcast()
	c.out.pump()
	return nil
}

// LocalAddr returns a *net.TCPAddr.
func (c *conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr returns a *net.TCPAddr.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline ends blocked and later reads at t; the zero time means never.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t, &c.in.readable) }

// SetWriteDeadline ends blocked and later writes at t; the zero time means never.
func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.write, t, &c.out.writable)
}

// setDeadline replaces the deadline and wakes the calls that it ends.
func (c *conn) setDeadline(d *deadline, t time.Time, wake *sync.Cond) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return c.fail("set", net.ErrClosed)
	}
	d.stop()
	d.expired = !t.IsZero() && !t.After(time.Now())
	switch {
	case d.expired:
		wake.Broadcast()
	case t.IsZero() || c.broken != 0: // after a reset no call blocks any more
	default:
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			c.net.mu.Lock()
			defer c.net.mu.Unlock()
			if d.timer == timer { // else it was replaced while this call waited for the lock
				d.expired = true
				wake.Broadcast()
			}
		})
		d.timer = timer
	}
	return nil
}

// fail wraps err as package net does.
func (c *conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// deadline is the time after which a direction's calls fail, until another is set.
type deadline struct {
	timer   *time.Timer // fires at the deadline, if it is in the future
	expired bool
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
