package iface

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/group"
)

// Network is this machine's network. Its methods may be called from any goroutine.
type Network struct {
	Group      *group.Group // parent of the listeners' goroutines
	Interfaces []string     // the only ones that Listen opens a port on; empty means all
}

// Listen opens a port. If addr has no host, it listens on Interfaces alone, all of which must be there.
func (n Network) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host == "" && len(n.Interfaces) > 0 {
		return listenOn(ctx, n.Group, n.Interfaces, network, port)
	}
	return (&net.ListenConfig{}).Listen(ctx, network, addr)
}

// DialContext connects as net.Dialer does, by whichever interface leads there.
func (n Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// Networks returns the networks of all interfaces, as the function does.
func (n Network) Networks() []netip.Prefix { return Networks() }

// addressesOf returns the addresses of the named interfaces. If an interface isn't there, or has no
// address, it returns an error that names it, beside the addresses of the others.
func addressesOf(names []string) (addrs []netip.Addr, err error) {
	for _, name := range names {
		i, failed := Find(name)
		if failed != nil {
			err = fmt.Errorf("interface %s: %w", name, failed)
			continue
		}
		own := i.Addrs()
		if len(own) == 0 {
			err = fmt.Errorf("interface %s has no address", name)
		}
		addrs = append(addrs, own...)
	}
	return addrs, err
}

// refreshEvery is how often the listener compares its sockets with the interfaces' addresses.
const refreshEvery = 2 * time.Second

// listener is a net.Listener on the addresses of some interfaces only. It has one socket for each
// address, all with the same port, and follows the addresses as they come and go. A socket on all
// addresses that closes unwanted connections would still show everyone an open port.
type listener struct {
	group   *group.Group
	addrs   func() ([]netip.Addr, error) // the interfaces' addresses now
	network string
	conns   chan net.Conn

	mu      sync.Mutex
	port    string // the first socket's, and so that of all others
	sockets map[netip.Addr]net.Listener
}

// listenOn listens on a port of the named interfaces, which must exist. Port 0 chooses one that is free
// on all of them.
func listenOn(ctx context.Context, g *group.Group, names []string, network, port string) (net.Listener, error) {
	const tries = 10 // a port that is free on one address may be taken on another
	for try := 1; ; try++ {
		l := newListener(g, func() ([]netip.Addr, error) { return addressesOf(names) }, network, port)
		err := l.start(ctx)
		if err == nil {
			return l, nil
		}
		l.Close()
		if port != "0" || try == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func newListener(g *group.Group, addrs func() ([]netip.Addr, error), network, port string) *listener {
	return &listener{group: g.Child(), addrs: addrs, network: network, port: port,
		conns: make(chan net.Conn), sockets: map[netip.Addr]net.Listener{}}
}

// start opens the sockets and begins to follow the addresses.
func (l *listener) start(ctx context.Context) error {
	addrs, err := l.addrs()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		// A new IPv6 address can't be bound for a second or two.
		if err = l.open(ctx, a); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return err
		}
	}
	if l.Addr() == nil {
		return err
	}
	l.group.Go("iface/addresses", func(ctx context.Context) {
		for group.Sleep(ctx, refreshEvery, nil) {
			l.refresh(ctx)
		}
	})
	return nil
}

// open listens on one more address. The first socket decides the port of all.
func (l *listener) open(ctx context.Context, a netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := (&net.ListenConfig{}).Listen(ctx, l.network, net.JoinHostPort(a.String(), l.port))
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil || !l.group.Go("iface/listen", func(ctx context.Context) { l.accept(ctx, a, s) }) {
		s.Close()
		return net.ErrClosed
	}
	l.port, l.sockets[a] = port, s
	return nil
}

// accept hands the socket's connections to Accept until the socket fails or the listener closes.
func (l *listener) accept(ctx context.Context, a netip.Addr, s net.Listener) {
	defer l.remove(a, s)
	for {
		c, err := s.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() && group.Sleep(ctx, time.Second, nil) {
				continue // out of file descriptors, perhaps: some will be closed
			}
			return
		}
		select {
		case l.conns <- c:
		case <-ctx.Done():
			c.Close()
			return
		}
	}
}

// remove closes a socket. The next refresh opens it again if its address is still there.
func (l *listener) remove(a netip.Addr, s net.Listener) {
	s.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sockets[a] == s {
		delete(l.sockets, a)
	}
}

// refresh opens and closes sockets so that they match the interfaces' addresses.
func (l *listener) refresh(ctx context.Context) {
	now, err := l.addrs()
	l.mu.Lock()
	for a, s := range l.sockets {
		if err == nil && !slices.Contains(now, a) {
			s.Close() // its goroutine removes it
		}
	}
	now = slices.DeleteFunc(now, func(a netip.Addr) bool { return l.sockets[a] != nil })
	l.mu.Unlock()
	for _, a := range now {
		_ = l.open(ctx, a) // an IPv6 address may not be ready yet: the next refresh tries again
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.group.Context().Done():
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. Accepted connections stay open.
func (l *listener) Close() error {
	l.group.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sockets {
		s.Close()
	}
	return nil
}

// Addr returns the address of one of the sockets. The port is the same for all.
func (l *listener) Addr() net.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first net.Addr
	for _, s := range l.sockets {
		if a := s.Addr(); first == nil || a.String() < first.String() {
			first = a
		}
	}
	return first
}
