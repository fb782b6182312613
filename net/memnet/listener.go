package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// backlog is how many connections wait for Accept; the SYN of another is lost.
const backlog = 128

// listener is a net.Listener of a host.
type listener struct {
	host   *Host
	at     netip.AddrPort // with an unspecified address it listens on all of the host's
	queue  chan *conn     // filled with the network's lock held
	done   chan struct{}  // closed by shut
	closed bool           // guarded by the network's lock
}

// Listen opens a port for streams. The address is empty, unspecified, loopback or an address of the host;
// port 0 chooses a free port. It ignores the context, because it takes no time, and takes every network
// for "tcp". The caller closes the listener, or Network.Close does.
func (h *Host) Listen(_ context.Context, network, address string) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	at, err := parseAddr("listen", network, address)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: net.TCPAddrFromAddrPort(at), Err: err}
	}
	if h.net.closed {
		return fail(net.ErrClosed)
	}
	if a := at.Addr(); !a.IsUnspecified() && !a.IsLoopback() && h.net.owner[a] != h {
		return fail(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL))
	}
	l := &listener{host: h, at: at, queue: make(chan *conn, backlog), done: make(chan struct{})}
	for o := range h.listeners {
		if o.at.Port() == at.Port() && (l.covers(o.at.Addr()) || o.covers(at.Addr())) {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
	}
	if at.Port() == 0 {
		l.at = netip.AddrPortFrom(at.Addr(), h.reservePort())
	} else {
		h.ports[at.Port()]++
	}
	h.listeners[l] = struct{}{}
	return l, nil
}

// parseAddr reads an address of Listen or DialContext; every name is unknown.
func parseAddr(op, network, address string) (netip.AddrPort, error) {
	if strings.HasPrefix(address, ":") {
		address = "[::]" + address
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return at, &net.OpError{Op: op, Net: network, Err: err}
	}
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), nil
}

// covers reports whether the listener takes connections to the address.
func (l *listener) covers(a netip.Addr) bool { return l.at.Addr().IsUnspecified() || l.at.Addr() == a }

// findListener returns the listener that accepts connections to the address, or nil. Listen allows only
// one.
func (h *Host) findListener(to netip.AddrPort) *listener {
	for l := range h.listeners {
		if l.at.Port() == to.Port() && l.covers(to.Addr()) {
			return l
		}
	}
	return nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.done: // first, so that nothing is accepted after Close
	default:
		select {
		case c := <-l.queue:
			return c, nil
		case <-l.done:
		}
	}
	return nil, l.fail("accept")
}

// Close stops listening and resets the connections that no one accepted.
func (l *listener) Close() error {
	n := l.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.closed {
		return l.fail("close")
	}
	l.shut()
	for {
		select {
		case c := <-l.queue:
			c.shutAndReset()
		default:
			return nil
		}
	}
}

// shut ends Accept and frees the port. It must be called once.
func (l *listener) shut() {
	l.closed = true
	close(l.done)
	delete(l.host.listeners, l)
	l.host.release(l.at.Port())
}

// Addr returns a *net.TCPAddr with the chosen port.
func (l *listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

// fail returns the error of a call on a closed listener.
func (l *listener) fail(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
}
