package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// tries is how often a SYN that was lost is sent, at 0, 1, 3, 7, 15, 31 and 63 s as Linux does.
// Then, at 127 s, the dial fails with ETIMEDOUT.
const tries = 7

// dial is a connection on its way. Everything but the channel is guarded by the network's lock.
type dial struct {
	host   *Host
	from   netip.AddrPort
	to     netip.AddrPort
	target *Host
	sent   int // SYNs so far

	over bool
	conn *conn // set if over and err is nil
	err  error
	done chan struct{} // closed by finish, after which over, conn and err don't change
}

// DialContext connects to a listener; it takes the latency of both directions. If nothing listens
// it fails with ECONNREFUSED, if the address is nobody's or the link says Unreachable, at once with
// EHOSTUNREACH, and with ENETUNREACH if this host has no address of its family. Without a way to
// the other host it goes on trying until the context ends, or for 127 s. The caller closes the
// connection.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := parse("dial", network, address)
	if err != nil {
		return nil, err
	}
	d := &dial{host: h, to: to, done: make(chan struct{})}
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	n := h.net
	n.mu.Lock()
	if err := h.usable(); err != nil {
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
	// What finish was first called with counts, whichever case woke us.
	if d.err != nil {
		return fail(d.err)
	}
	return d.conn, nil
}

// start picks both ends of the connection and sends the first SYN.
func (d *dial) start() {
	n := d.host.net
	dst := d.to.Addr()
	if dst.IsUnspecified() { // this host, as Go's net has it
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
	if d.target == nil || d.target != d.host && n.shape(n.link(src, dst)).Unreachable {
		d.finish(nil, os.NewSyscallError("connect", syscall.EHOSTUNREACH))
		return
	}
	d.syn()
}

func (d *dial) passes() bool {
	return d.host.net.reach(d.host, d.from.Addr(), d.target, d.to.Addr())
}

// after runs f, if the dial is still on, when a segment from one end has reached the other.
func (d *dial) after(wait time.Duration, f func()) {
	if wait <= 0 {
		f()
		return
	}
	d.host.net.clock.at(time.Now().Add(wait), func() {
		if !d.over {
			f()
		}
	})
}

func (d *dial) there() time.Duration {
	return d.host.net.delay(d.host, d.from.Addr(), d.target, d.to.Addr())
}

func (d *dial) back() time.Duration {
	return d.host.net.delay(d.target, d.to.Addr(), d.host, d.from.Addr())
}

// syn asks for the connection.
func (d *dial) syn() {
	if d.sent == tries {
		d.finish(nil, os.NewSyscallError("connect", syscall.ETIMEDOUT))
		return
	}
	d.sent++
	if !d.passes() {
		d.again()
		return
	}
	d.after(d.there(), d.land)
}

// again is for a SYN that was lost.
func (d *dial) again() { d.after(time.Second<<(d.sent-1), d.syn) }

// land is the SYN's arrival.
func (d *dial) land() {
	n := d.host.net
	if !d.passes() {
		d.again()
		return
	}
	l := d.target.listening(d.to)
	if l == nil {
		n.link(d.from.Addr(), d.to.Addr()).traffic.Refused++
		d.after(d.back(), func() {
			if !d.passes() {
				d.again()
				return
			}
			d.finish(nil, os.NewSyscallError("connect", syscall.ECONNREFUSED))
		})
		return
	}
	if len(l.queue) == cap(l.queue) {
		d.again()
		return
	}
	s := n.connect(d.host, d.from, d.target, d.to)
	d.conn = s.ends[0]
	l.queue <- s.ends[1] // has room: only this, with the lock held, fills it
	d.after(d.back(), d.answered)
}

// answered is the arrival of the other end's consent, which is sent until it arrives.
func (d *dial) answered() {
	if !d.passes() {
		d.after(time.Second, d.answered)
		return
	}
	d.finish(d.conn, nil)
}

// finish ends the dial; only the first call counts. If the other end had consented to a dial that
// fails, it gets a reset. Called with the network's lock held.
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
		c.stream.settle()
	}
	d.conn, d.err = c, err
	close(d.done)
}
