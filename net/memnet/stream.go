package memnet

import (
	"net/netip"
	"slices"
	"syscall"
)

// stream is a connection: two ends and a pipe each way.
type stream struct {
	net  *Network
	ends [2]*conn // dialled, accepted
}

// connect creates a stream along a path.
func (n *Network) connect(way path, from, to netip.AddrPort) *stream {
	s := &stream{net: n}
	x := &conn{net: n, stream: s, host: way.from, local: from, remote: to}
	y := &conn{net: n, stream: s, host: way.to, local: to, remote: from}
	newPipe(x, y, way)
	newPipe(y, x, way.reversed())
	s.ends = [2]*conn{x, y}
	for _, c := range s.ends {
		c.host.ports[c.local.Port()]++
	}
	n.streams = append(n.streams, s)
	n.traffic.Conns++
	return s
}

// removeIfOver removes the stream once both ends are closed or reset.
func (s *stream) removeIfOver() {
	if s.ends[0].over() && s.ends[1].over() {
		s.remove()
	}
}

func (s *stream) remove() {
	i := slices.Index(s.net.streams, s)
	if i < 0 {
		return
	}
	s.net.streams = slices.Delete(s.net.streams, i, i+1)
	for _, c := range s.ends {
		c.host.release(c.local.Port())
		c.out.drop()
	}
}

// over reports whether this end was closed or reset.
func (c *conn) over() bool { return c.closed || c.broken != 0 }

// shut closes this end: every call returns net.ErrClosed from now on.
func (c *conn) shut() {
	c.closed = true
	c.in.size -= c.in.unread.Len()
	c.in.unread.Reset()
	c.notify()
}

// shutAndReset closes this end, if it isn't over, and resets the peer's.
func (c *conn) shutAndReset() {
	if !c.over() {
		c.shut()
		c.reset()
	}
	c.stream.removeIfOver()
}

// notify wakes every blocked call. None blocks any more, so it stops the deadlines.
func (c *conn) notify() {
	c.read.stop()
	c.write.stop()
	c.in.readable.Broadcast()
	c.out.writable.Broadcast()
}

// reset sends the peer a reset, once.
func (c *conn) reset() {
	if c.sentReset {
		return
	}
	c.sentReset = true
	c.net.traffic.Resets++
	c.out.unsent.Reset() // bytes on the wire still arrive before the reset
	c.out.put(segment{rst: true})
}

// onReset handles the arrival of a reset.
func (c *conn) onReset() {
	why := syscall.ECONNRESET
	if c.in.eof {
		why = syscall.EPIPE // the peer had ended its direction, so only a writer notices
	}
	c.abort(why)
}

// abort breaks this end with an error. Bytes that have arrived can still be read.
func (c *conn) abort(why syscall.Errno) {
	if c.broken == 0 {
		c.broken = why
	}
	c.out.drop()
	c.notify()
	c.stream.removeIfOver()
}
