package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// tries is how often a lost SYN is sent, at 0, 1, 3, 7, 15, 31 and 63 s as Linux does. Then, at 127 s, the
// dial fails with ETIMEDOUT.
const tries = 7

// dial is an attempt to connect. The network's lock guards all fields but the channel.
type dial struct {
	host   *Host
	from   netip.AddrPort
	to     netip.AddrPort
	target *Host
	sent   int // SYNs so far

	over bool
	conn *conn // set if over and err is nil
	err  error
	done chan struct{} // closed by finish; over, conn and err don't change after that
}

// DialContext connects to a listener, which takes the latency of both directions. It fails with
// ECONNREFUSED if no one listens, and with ENETUNREACH if this host has no address of the family. If no
// host has the address, or the link is Unreachable, it fails with EHOSTUNREACH at once. While the other
// host is cut off it tries again until the context ends, or for 127 s. The caller closes the connection.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := parseAddr("dial", network, address)
	if err != nil {
		return nil, err
	}
	d := &dial{host: h, to: to, done: make(chan struct{})}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	n := h.net
	n.mu.Lock()
	if err := h.checkUsable(); err != nil {
		n.mu.Unlock()
		return fail(err)
	}
	if err := ctx.Err(); err != nil {
		n.mu.Unlock()
		return fail(err)
	}
	n.dials[d] = struct{}{}
	d.start()
	n.mu.Unlock()

	select {
	case <-d.done:
	case <-ctx.Done():
		n.mu.Lock()
		d.finish(nil, ctx.Err())
		n.mu.Unlock()
	}
	// The first call of finish counts, whichever case woke us.
	if d.err != nil {
		return fail(d.err)
	}
	return d.conn, nil
}

// start chooses both ends of the connection and sends the first SYN.
func (d *dial) start() {
	n := d.host.net
	dst := d.to.Addr()
	if dst.IsUnspecified() { // this host, as in package net
		dst = netip.IPv6Loopback()
		if d.to.Addr().Is4() {
			dst = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
	}
	d.to = netip.AddrPortFrom(dst, d.to.Port())
	if dst.IsLoopback() {
		d.target = d.host
	} else {
		d.target = n.owner[dst]
	}
	src := d.host.source(dst)
	if !src.IsValid() {
		d.finish(nil, os.NewSyscallError("connect", syscall.ENETUNREACH))
		return
	}
	port := d.host.freePort()
	if port == 0 {
		d.finish(nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL))
		return
	}
	d.from = netip.AddrPortFrom(src, port)
	d.host.ports[port]++ // until the dial is over
	if d.target == nil || d.target != d.host && n.behaviour(n.link(src, dst)).Unreachable {
		d.finish(nil, os.NewSyscallError("connect", syscall.EHOSTUNREACH))
		return
	}
	d.sendSYN()
}

func (d *dial) passes() bool {
	return d.host.net.segmentsPass(d.host, d.from.Addr(), d.target, d.to.Addr())
}

// after calls f after a delay, unless the dial is over by then.
func (d *dial) after(wait time.Duration, f func()) {
	if wait <= 0 {
		f()
		return
	}
	d.host.net.scheduler.at(time.Now().Add(wait), func() {
		if !d.over {
			f()
		}
	})
}

func (d *dial) delayTo() time.Duration {
	return d.host.net.delay(d.host, d.from.Addr(), d.target, d.to.Addr())
}

func (d *dial) delayBack() time.Duration {
	return d.host.net.delay(d.target, d.to.Addr(), d.host, d.from.Addr())
}

// sendSYN requests the connection.
func (d *dial) sendSYN() {
	if d.sent == tries {
		d.finish(nil, os.NewSyscallError("connect", syscall.ETIMEDOUT))
		return
	}
	d.sent++
	if !d.passes() {
		d.retrySYN()
		return
	}
	d.after(d.delayTo(), d.onSYN)
}

// retrySYN sends a lost SYN again, after twice the delay.
func (d *dial) retrySYN() { d.after(time.Second<<(d.sent-1), d.sendSYN) }

// onSYN handles the SYN's arrival.
func (d *dial) onSYN() {
	n := d.host.net
	if !d.passes() {
		d.retrySYN()
		return
	}
	l := d.target.findListener(d.to)
	if l == nil {
		n.link(d.from.Addr(), d.to.Addr()).traffic.Refused++
		d.after(d.delayBack(), func() {
			if !d.passes() {
				d.retrySYN()
				return
			}
			d.finish(nil, os.NewSyscallError("connect", syscall.ECONNREFUSED))
		})
		return
	}
	if len(l.queue) == cap(l.queue) {
		d.retrySYN()
		return
	}
	s := n.connect(d.host, d.from, d.target, d.to)
	d.conn = s.ends[0]
	l.queue <- s.ends[1] // has room: this alone, with the lock held, fills it
	d.after(d.delayBack(), d.onAccept)
}

// onAccept handles the arrival of the other end's answer, which is sent until it arrives.
func (d *dial) onAccept() {
	if !d.passes() {
		d.after(time.Second, d.onAccept)
		return
	}
	d.finish(d.conn, nil)
}

// finish ends the dial; only the first call counts. If the dial fails after the other end has accepted it,
// the other end gets a reset.
func (d *dial) finish(c *conn, err error) {
	if d.over {
		return
	}
	d.over = true
	delete(d.host.net.dials, d)
	if d.from.IsValid() {
		d.host.release(d.from.Port())
	}
	if err != nil && d.conn != nil {
		c := d.conn
		d.conn = nil
		if !c.over() {
			c.shut()
			c.reset()
		}
		c.stream.removeIfOver()
	}
	d.conn, d.err = c, err
	close(d.done)
}
