package memnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// backlog is how many connections wait for Accept; the SYN of another is lost.
const backlog = 128

// listener is a net.Listener of a host.
type listener struct {
	host    *Host
	network string
	at      netip.AddrPort // with an unspecified address it listens on all of the host's
	queue   chan *conn     // filled with the network's lock held
	done    chan struct{}  // closed by shut
	closed  bool           // guarded by the network's lock
}

// Listen opens a port for streams. The network is "tcp", "tcp4" or "tcp6". The address is empty,
// unspecified, loopback or an address of the host; port 0 chooses a free port. The context is ignored,
// because Listen takes no time. The caller closes the listener, or Kill and Network.Close do.
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
	if err := h.checkUsable(); err != nil {
		return fail(err)
	}
	if a := at.Addr(); !a.IsUnspecified() && !a.IsLoopback() && h.net.owner[a] != h {
		return fail(os.NewSyscallError("bind", syscall.EADDRNOTAVAIL))
	}
	l := &listener{host: h, network: network, at: at, queue: make(chan *conn, backlog), done: make(chan struct{})}
	if at.Port() == 0 {
		port := h.freePort()
		if port == 0 {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
		l.at = netip.AddrPortFrom(at.Addr(), port)
	}
	for o := range h.listeners {
		if l.overlaps(o) {
			return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
		}
	}
	h.listeners[l] = struct{}{}
	h.ports[l.at.Port()]++
	return l, nil
}

// parseAddr reads an address of Listen or DialContext. Names other than localhost are unknown.
func parseAddr(op, network, address string) (netip.AddrPort, error) {
	fail := func(err error) (netip.AddrPort, error) {
		return netip.AddrPort{}, &net.OpError{Op: op, Net: network, Err: err}
	}
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return fail(net.UnknownNetworkError(network))
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return fail(err)
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return fail(&net.AddrError{Err: "invalid port", Addr: address})
	}
	var addr netip.Addr
	switch {
	case host == "" && network == "tcp4":
		addr = netip.IPv4Unspecified()
	case host == "":
		addr = netip.IPv6Unspecified()
	case host == "localhost" && network == "tcp6":
		addr = netip.IPv6Loopback()
	case host == "localhost":
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		if addr, err = netip.ParseAddr(host); err != nil {
			return fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
		}
	}
	addr = addr.Unmap()
	if network == "tcp4" && !addr.Is4() || network == "tcp6" && addr.Is4() {
		return fail(&net.AddrError{Err: "no suitable address", Addr: host})
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

// covers reports whether the listener takes connections to the address. The unspecified IPv6
// address stands for both families, unless the network is tcp6.
func (l *listener) covers(a netip.Addr) bool {
	own := l.at.Addr()
	switch {
	case !own.IsUnspecified():
		return own == a
	case own.Is4():
		return a.Is4()
	}
	return l.network == "tcp" || !a.Is4()
}

func (l *listener) overlaps(o *listener) bool {
	return l.at.Port() == o.at.Port() && (l.covers(o.at.Addr()) || o.covers(l.at.Addr()))
}

// findListener returns the listener that accepts connections to the address, or nil. There is at most one:
// see overlaps.
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
	return nil, l.fail("accept", net.ErrClosed)
}

// Close stops listening and resets the connections that no one accepted.
func (l *listener) Close() error {
	n := l.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if l.closed {
		return l.fail("close", net.ErrClosed)
	}
	l.shut()
	for {
		select {
		case c := <-l.queue:
			if !c.over() {
				c.shut()
				c.reset()
			}
			c.stream.removeIfOver()
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

func (l *listener) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: l.network, Addr: l.Addr(), Err: err}
}
