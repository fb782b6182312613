package memnet

import (
	"net/netip"
	"syscall"
)

// stream is a connection: two ends and a pipe each way.
type stream struct {
	net  *Network
	id   uint64
	ends [2]*conn // dialled, accepted
}

// connect makes a stream. Called with the network's lock held.
func (n *Network) connect(dialler *Host, from netip.AddrPort, acceptor *Host, to netip.AddrPort) *stream {
	n.nextID++
	s := &stream{net: n, id: n.nextID}
	x := &conn{net: n, stream: s, host: dialler, local: from, remote: to}
	y := &conn{net: n, stream: s, host: acceptor, local: to, remote: from}
	newPipe(n, x, y)
	newPipe(n, y, x)
	s.ends = [2]*conn{x, y}
	for _, c := range s.ends {
		c.host.ports[c.local.Port()]++
	}
	n.streams[s.id] = s
	n.link(from.Addr(), to.Addr()).traffic.Conns++
	return s
}

// settle forgets the stream once neither end has anything to hope for.
func (s *stream) settle() {
	if s.ends[0].over() && s.ends[1].over() {
		s.forget()
	}
}

func (s *stream) forget() {
	if s.net.streams[s.id] == nil {
		return
	}
	delete(s.net.streams, s.id)
	for _, c := range s.ends {
		c.host.release(c.local.Port())
		c.out.drop()
	}
}

// over reports whether the end was closed here or reset.
func (c *conn) over() bool { return c.closed || c.broken != 0 }

// shut ends the connection here: every call returns net.ErrClosed from now on.
func (c *conn) shut() {
	c.closed = true
	c.in.size -= c.in.unread.Len()
	c.in.unread.Reset()
	c.wake()
}

// wake has every blocked call look again. None blocks any more, so the deadlines have no use.
func (c *conn) wake() {
	c.read.stop()
	c.write.stop()
	c.in.readable.Broadcast()
	c.out.writable.Broadcast()
}

// reset tells the peer that this end is gone; once is enough.
func (c *conn) reset() {
	if c.told {
		return
	}
	c.told = true
	c.net.link(c.local.Addr(), c.remote.Addr()).traffic.Resets++
	c.out.unsent.Reset() // what is on the wire still arrives before the reset
	c.out.put(segment{rst: true})
}

// hit is the arrival of a reset.
func (c *conn) hit() {
	why := syscall.ECONNRESET
	if c.in.eof {
		why = syscall.EPIPE // the peer had said that it was done, so only a writer learns of it
	}
	c.abort(why)
}

// abort breaks this end. Bytes that have arrived can still be read.
func (c *conn) abort(why syscall.Errno) {
	if c.broken == 0 {
		c.broken = why
	}
	c.out.drop()
	c.wake()
	c.stream.settle()
}
