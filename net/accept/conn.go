package accept

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	maxFirstLine = 4 << 10                // bytes of the first line that are looked at
	lingerWithin = 500 * time.Millisecond // for the other side to end, after us
)

// Conn is an accepted connection. Bytes that were read to find out what it speaks are read again. One
// goroutine reads.
type Conn struct {
	net.Conn
	*orderSlot
	remote netip.AddrPort
	slot   *slot // among the limited connections; nil once it is native
	joined bool  // it is a line client

	calls struct {
		sync.Mutex
		open   int  // Read and Write that haven't returned
		pushed bool // it was closed to make room
	}

	first    []byte // read already
	firstErr error  // what reading ended with after first
}

// RemoteAddrPort returns the other end's address, IPv4 in IPv4 form. It is invalid if there is none.
func (c *Conn) RemoteAddrPort() netip.AddrPort { return c.remote }

// Read implements net.Conn.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		if c.first = c.first[n:]; len(c.first) == 0 {
			c.first = nil
		}
		return n, nil
	}
	if c.firstErr != nil {
		return 0, c.firstErr
	}
	return c.receive(b)
}

// receive reads from the network.
func (c *Conn) receive(b []byte) (int, error) {
	if c.telling.Load() {
		c.endOrder() // all that came at once was passed on
	}
	c.beginCall()
	n, err := c.Conn.Read(b)
	c.endCall()
	if n > 0 && c.slot != nil {
		c.heard.Store(true)
		c.slot.markActive()
	}
	return n, err
}

// Write implements net.Conn.
func (c *Conn) Write(b []byte) (int, error) {
	c.beginCall()
	defer c.endCall()
	return c.Conn.Write(b)
}

// WriteBuffers writes all buffers, with few calls of the system where that can be. It returns how many bytes it wrote.
func (c *Conn) WriteBuffers(buffers net.Buffers) (int64, error) {
	c.beginCall()
	defer c.endCall()
	return buffers.WriteTo(c.Conn)
}

func (c *Conn) beginCall() {
	c.calls.Lock()
	c.calls.open++
	c.calls.Unlock()
}

func (c *Conn) endCall() {
	c.calls.Lock()
	defer c.calls.Unlock()
	if c.calls.open--; c.calls.open == 0 && c.calls.pushed {
		c.noteSettled()
	}
}

// pushOut closes the connection to make room for another. Its descriptor stays until the last Read or Write has
// returned, so it counts as unsettled until then. (A reader that is held up elsewhere holds no descriptor, and must not
// hold up those that come.)
func (c *Conn) pushOut() {
	c.calls.Lock()
	c.calls.pushed = true
	if c.calls.open > 0 {
		c.orderSlot.unsettle()
	}
	c.calls.Unlock()
	c.Close()
}

// end closes the connection and gives back what it holds. Its own goroutine calls it; any other may Close.
func (c *Conn) end() {
	c.endOrder()
	if c.slot != nil {
		c.slot.free()
	}
	c.Close()
}

// CloseWrite ends the direction from here, so that the other side reads all of it and then the end.
func (c *Conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// linger ends the connection so that the other side gets all that was written: to close while something
// is unread would tear the connection down and lose it.
func (c *Conn) linger() {
	if c.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(lingerWithin))
		_, _ = io.Copy(io.Discard, io.LimitReader(c, 1<<20))
	}
}

// await reads from the network. After 3 s of silence it makes the connection a line client and reads on.
func (c *Conn) await(client Client, b []byte) (int, error) {
	for {
		n, err := c.receive(b)
		if n > 0 || c.joined || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		_ = c.SetReadDeadline(time.Time{}) // before it can be hung up on, which sets a deadline
		if err := client.Join(); err != nil {
			return 0, errJoin{err}
		}
		c.joined = true
	}
}

// errJoin is why a connection couldn't become a line client.
type errJoin struct{ error }

// classify reads up to the byte that shows what the connection speaks.
func (c *Conn) classify(client Client) (protocol, error) {
	buf := make([]byte, 64) // hundreds of silent connections hold one each
	for skipped := 0; ; {
		n, err := c.await(client, buf)
		if n == 0 && err != nil {
			return unknown, err
		}
		kind, at := sniff(buf[:n], skipped)
		if kind != unknown {
			c.first = buf[at:n]
			return kind, nil
		}
		skipped += n
	}
}

// firstLine returns the first line that isn't blank, and reports whether that is all of it. If the line is
// too long, or the other side didn't end it, firstLine returns the beginning. Read returns it again.
func (c *Conn) firstLine(client Client) (line string, whole bool, err error) {
	var buf []byte
	for {
		end := bytes.IndexByte(c.first, '\n')
		switch {
		case end >= 0 && end <= maxFirstLine+1: // the CR of a line of exactly that length counts too
			line = withoutNUL(bytes.TrimSuffix(c.first[:end], []byte("\r")))
			if strings.TrimSpace(line) != "" {
				return line, true, nil
			}
			c.first = c.first[end+1:]
			continue
		case len(c.first) > maxFirstLine+1:
			return withoutNUL(c.first[:maxFirstLine]), false, nil
		case c.firstErr != nil:
			return withoutNUL(c.first), false, nil
		}
		if buf == nil {
			buf = make([]byte, maxFirstLine)
		}
		n, err := c.await(client, buf)
		if errors.As(err, new(errJoin)) {
			return "", false, err
		}
		c.first, c.firstErr = append(c.first, buf[:n]...), err
	}
}

// withoutNUL drops NUL bytes, with which some programs fill up buffers of fixed size.
func withoutNUL(b []byte) string { return strings.ReplaceAll(string(b), "\x00", "") }

// AddrPort returns the address of a connection's end, IPv4 in IPv4 form. It is invalid if a is none.
func AddrPort(a net.Addr) netip.AddrPort {
	var at netip.AddrPort
	if tcp, ok := a.(*net.TCPAddr); ok {
		at = tcp.AddrPort()
	} else if a != nil {
		at, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// ErrKey returns a text that is the same for errors of two connections that differ only in their ports.
func ErrKey(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}
