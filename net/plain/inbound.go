package plain

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// visit is one accepted connection, while it is served here.
type visit struct {
	p      *Plain
	conn   net.Conn
	remote netip.AddrPort
	seat   *seat
	turn   *turn  // nil if the listener keeps no order
	guest  *guest // nil until it is one
	in     int    // bytes that are not counted yet
}

// Classify waits until a connection's first byte tells what it is, however long that takes; a silent one
// is a guest meanwhile. A native one is returned together with the bytes that were read from it. Any
// other is served, or refused, and closed, by a goroutine of the Plain: Classify returns false at once.
// It is called in each accepted connection's own goroutine, without a place for handshakes held; when
// ctx ends it closes the connection and returns. It keeps the limits of DESIGN.md §5 by closing the
// connection that was silent for longest, so that a full house doesn't keep native peers out.
func (p *Plain) Classify(ctx context.Context, conn net.Conn) (net.Conn, bool) {
	v := &visit{p: p, conn: conn, remote: addrOf(conn.RemoteAddr())}
	if c, ok := conn.(*inTurn); ok {
		conn = c.Conn
		v.conn, v.turn = conn, c.turn
	}
	if !v.turn.await(ctx) {
		if ctx.Err() == nil {
			p.refuse(v.remote, errCrowd)
		}
		v.turn.end()
		conn.Close()
		return nil, false
	}
	var pushed *seat
	if v.seat, pushed = p.census.sit(conn, v.remote.Addr()); v.seat == nil {
		v.turn.end()
		return nil, false
	}
	p.pushed(pushed)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(silentAfter))

	k, head, err := v.first()
	ended := !stop()
	switch {
	case err != nil || ended:
	case k == native:
		v.turn.end()
		v.part(nil)
		v.seat.leave()
		_ = conn.SetReadDeadline(time.Time{})
		return &prefixed{Conn: conn, prefix: head}, true
	case p.group.Go("plain/serve", func(ctx context.Context) { v.serve(ctx, k, head) }):
		return nil, false
	}
	v.turn.end()
	v.part(err)
	v.seat.leave()
	conn.Close()
	return nil, false
}

// serve is the rest of a plain connection, of which head was read.
func (v *visit) serve(ctx context.Context, k kind, head []byte) {
	p, conn := v.p, v.conn
	defer v.seat.leave()
	defer v.turn.end()
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	switch {
	case k == garbage:
		v.part(nil)
		p.refuse(v.remote, errGarbage)
	case !p.cfg.Allowed(v.remote.Addr()):
		v.part(nil)
		p.refuse(v.remote, errNotAllowed.Error())
	case k == objects:
		v.part(nil)
		p.pushed(v.seat.talk())
		p.serveObjects(v, &prefixed{Conn: conn, prefix: head})
	default:
		p.pushed(v.seat.talk())
		v.serveLines(head)
	}
}

func (p *Plain) pushed(s *seat) {
	if s != nil {
		p.cfg.Handler.Refused(s.addr.String(), errCrowd)
	}
}

// first reads up to the byte that decides. head is what was read from there on.
func (v *visit) first() (k kind, head []byte, err error) {
	buf := make([]byte, 64) // hundreds of silent connections hold one
	for skipped := 0; ; {
		n, err := v.Read(buf)
		if n == 0 && err != nil {
			return unknown, nil, err
		}
		k, at := sniff(buf[:n], skipped)
		if k != unknown {
			return k, buf[at:n], nil
		}
		skipped += n
	}
}

// Read reads from the connection. Silence makes it a guest, and Read goes on.
func (v *visit) Read(b []byte) (int, error) {
	for {
		n, err := v.conn.Read(b)
		if n > 0 {
			v.turn.hear()
			v.seat.spoke()
			v.count(n)
		}
		if n > 0 || v.guest != nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if err := v.join(); err != nil {
			return 0, err
		}
	}
}

// Why connections are refused.
const (
	errGarbage = "neither native, nor JSON, nor text"
	errCrowd   = "too many connections"
)

var errNotAllowed = errors.New("plain peers are not allowed from there")

// join makes the connection a guest, to which the room is written.
func (v *visit) join() error {
	if v.guest != nil {
		return nil
	}
	if !v.p.cfg.Allowed(v.remote.Addr()) {
		return errNotAllowed
	}
	_ = v.conn.SetReadDeadline(time.Time{}) // before the guest can be hung up on, which sets one
	g, err := v.p.join(v.conn, v.remote, v.remote.String(), "")
	v.guest = g
	v.count(0)
	return err
}

// count counts bytes, also those from before it was a guest.
func (v *visit) count(n int) {
	if v.in += n; v.guest != nil {
		v.p.received(v.guest, v.in)
		v.in = 0
	}
}

// part is the end of the guest, if it is one.
func (v *visit) part(err error) {
	if v.guest != nil {
		v.p.part(v.guest, err)
	}
}

// serveLines says what a guest sends. It joins with its first line, if that isn't HTTP, or by silence.
func (v *visit) serveLines(head []byte) {
	var s splitter
	first, refused := true, false
	say := func(line string, whole bool) {
		switch {
		case refused:
			return
		case first && isHTTP(line, whole):
			refused = true
			return
		}
		if first {
			first = false
			v.turn.wait()
		}
		if v.join() == nil {
			v.p.hear(v.guest, line)
		}
	}
	s.feed(head, say)
	buf := []byte(nil)
	var err error
	for !refused && err == nil && !s.binary {
		if v.guest != nil && !v.p.cfg.Allowed(v.remote.Addr()) {
			break
		}
		if buf == nil {
			buf = make([]byte, maxLine)
		}
		if !first {
			v.turn.end() // all that came at once was said
		}
		var n int
		if n, err = v.Read(buf); n > 0 {
			s.feed(buf[:n], say)
		}
	}
	switch {
	case first && isHTTP(text(s.rest), false):
		refused = true // it hung up in the middle of a request
	case !refused && !errors.Is(err, errNotAllowed):
		s.end(say) // a last line without newline
	}
	if s.binary {
		v.p.refuse(v.remote, errGarbage)
	}
	if refused {
		v.p.refuse(v.remote, "HTTP request")
		_ = v.conn.SetWriteDeadline(time.Now().Add(closeWithin))
		_, _ = v.conn.Write(httpRefusal)
		v.part(nil)
		finish(v.conn)
		return
	}
	v.part(err)
}

// finish ends a connection so that the other side gets all that was written: closing while there is
// something unread would tear it down and lose it.
func finish(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(closeWithin))
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1<<20))
	}
	conn.Close()
}

// prefixed is a connection of which the first bytes were read already.
type prefixed struct {
	net.Conn
	prefix []byte
}

// Read gives the prefix, then the rest.
func (c *prefixed) Read(b []byte) (int, error) {
	if len(c.prefix) > 0 {
		n := copy(b, c.prefix)
		if c.prefix = c.prefix[n:]; len(c.prefix) == 0 {
			c.prefix = nil
		}
		return n, nil
	}
	return c.Conn.Read(b)
}
