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
	net      *Network
	path     path
	from, to netip.AddrPort
	sent     int // SYNs so far

	over bool
	conn *conn // set if over and err is nil
	err  error
	done chan struct{} // closed by finish; over, conn and err don't change after that
}

// DialContext connects to a listener, which takes the latency of both directions. It fails with
// ECONNREFUSED if no one listens. If no host has the address, or the link is Unreachable, it fails with
// EHOSTUNREACH at once. While the other host is cut off it tries again until the context ends, or for
// 127 s. It takes every network but "udp" for "tcp"; for that see udpConn. The caller closes the connection.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	to, err := parseAddr("dial", network, address)
	if err != nil {
		return nil, err
	}
	if network == "udp" {
		return h.dialUDP(ctx, to)
	}
	d := &dial{net: h.net, to: to, done: make(chan struct{})}
	h.net.mu.Lock()
	switch {
	case h.net.closed:
		d.finish(nil, net.ErrClosed)
	case ctx.Err() != nil:
		d.finish(nil, ctx.Err())
	default:
		d.start(h)
	}
	h.net.mu.Unlock()

	select {
	case <-d.done:
	case <-ctx.Done():
		h.net.mu.Lock()
		d.finish(nil, ctx.Err())
		h.net.mu.Unlock()
	}
	// The first call of finish counts, whichever case woke us.
	if d.err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: d.err}
	}
	return d.conn, nil
}

// start chooses both ends of the connection and sends the first SYN.
func (d *dial) start(h *Host) {
	d.net.dials[d] = struct{}{}
	d.path = h.route(d.to.Addr())
	d.from = netip.AddrPortFrom(d.path.pair.from, h.reservePort()) // until the dial is over
	if d.path.to == nil || d.path.to != h && d.net.behaviour(d.net.link(d.path.pair)).Unreachable {
		d.finish(nil, os.NewSyscallError("connect", syscall.EHOSTUNREACH))
		return
	}
	d.sendSYN()
}

// after calls f after a delay, unless the dial is over by then.
func (d *dial) after(wait time.Duration, f func()) {
	if wait <= 0 {
		f()
		return
	}
	d.net.scheduler.at(time.Now().Add(wait), func() {
		if !d.over {
			f()
		}
	})
}

// sendSYN requests the connection.
func (d *dial) sendSYN() {
	if d.sent == tries {
		d.finish(nil, os.NewSyscallError("connect", syscall.ETIMEDOUT))
		return
	}
	d.sent++
	if !d.path.passesSegments() {
		d.retrySYN()
		return
	}
	d.after(d.path.delay(), d.onSYN)
}

// retrySYN sends a lost SYN again, after twice the delay.
func (d *dial) retrySYN() { d.after(time.Second<<(d.sent-1), d.sendSYN) }

// onSYN handles the SYN's arrival.
func (d *dial) onSYN() {
	if !d.path.passesSegments() {
		d.retrySYN()
		return
	}
	l := d.path.to.findListener(d.to)
	if l == nil {
		d.net.traffic.Refused++
		d.after(d.path.reversed().delay(), d.onRefusal)
		return
	}
	if len(l.queue) == cap(l.queue) {
		d.retrySYN()
		return
	}
	s := d.net.connect(d.path, d.from, d.to)
	d.conn = s.ends[0]
	l.queue <- s.ends[1] // has room: this alone, with the lock held, fills it
	d.after(d.path.reversed().delay(), d.onAccept)
}

// onRefusal handles the reset that answers a SYN for a port on which no one listens.
func (d *dial) onRefusal() {
	if !d.path.passesSegments() {
		d.retrySYN()
		return
	}
	d.finish(nil, os.NewSyscallError("connect", syscall.ECONNREFUSED))
}

// onAccept handles the arrival of the other end's answer, which is sent until it arrives.
func (d *dial) onAccept() {
	if !d.path.passesSegments() {
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
	delete(d.net.dials, d)
	if d.from.IsValid() {
		d.path.from.release(d.from.Port())
	}
	if err != nil && d.conn != nil {
		d.conn.shutAndReset()
	}
	d.conn, d.err = c, err
	close(d.done)
}
