package node

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/group"
)

// lookEvery is how often the addresses of the interfaces are looked at.
const lookEvery = 2 * time.Second

// fence is a net.Listener on the addresses of some interfaces only: one socket for each, all with one
// port, and with the addresses as they come and go. A socket on all addresses that closes what comes
// in elsewhere would still show an open port to everybody.
type fence struct {
	group   *group.Group
	look    func() ([]netip.Addr, error) // the interfaces' addresses
	network string
	port    string
	conns   chan net.Conn
	done    chan struct{} // closed by Close
	once    sync.Once

	mu      sync.Mutex
	sockets map[netip.Addr]net.Listener
}

// listenOn listens on a port of the named interfaces, which have to be there. Port 0 is any that is free
// on all of them.
func listenOn(ctx context.Context, g *group.Group, names []string, network, port string) (net.Listener, error) {
	const tries = 10 // what is free on one address may be taken on another
	for try := 1; ; try++ {
		f := newFence(g, func() ([]netip.Addr, error) { return addressesOf(names) }, network, port)
		err := f.start(ctx)
		if err == nil {
			return f, nil
		}
		f.Close()
		if port != "0" || try == tries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func newFence(g *group.Group, look func() ([]netip.Addr, error), network, port string) *fence {
	return &fence{group: g.Child(), look: look, network: network, port: port,
		conns: make(chan net.Conn), done: make(chan struct{}), sockets: map[netip.Addr]net.Listener{}}
}

func (f *fence) start(ctx context.Context) error {
	addrs, err := f.look()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		// An IPv6 address that has just come is not ready for a second or two.
		if err = f.open(ctx, a); err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			return err
		}
	}
	if f.Addr() == nil {
		return err
	}
	f.group.Go("node/addresses", f.watch)
	return nil
}

// open listens on one more address. The first one's port is everybody's.
func (f *fence) open(ctx context.Context, a netip.Addr) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, f.network, net.JoinHostPort(a.String(), f.port))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, f.port, err = net.SplitHostPort(l.Addr().String()); err != nil || !f.group.Go("node/listen", func(ctx context.Context) { f.accept(ctx, a, l) }) {
		l.Close()
		return net.ErrClosed
	}
	f.sockets[a] = l
	return nil
}

func (f *fence) accept(ctx context.Context, a netip.Addr, l net.Listener) {
	defer f.forget(a, l)
	for {
		c, err := l.Accept()
		if err != nil {
			var again interface{ Temporary() bool }
			if errors.As(err, &again) && again.Temporary() && wait(ctx, f.done, time.Second) {
				continue // out of files, perhaps: others will close some
			}
			return
		}
		select {
		case f.conns <- c:
		case <-f.done:
			c.Close()
			return
		case <-ctx.Done():
			c.Close()
			return
		}
	}
}

// forget ends a socket; watch opens it again if its address is still there.
func (f *fence) forget(a netip.Addr, l net.Listener) {
	l.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sockets[a] == l {
		delete(f.sockets, a)
	}
}

func (f *fence) watch(ctx context.Context) {
	for wait(ctx, f.done, lookEvery) {
		f.refresh(ctx)
	}
}

// refresh follows the interfaces' addresses.
func (f *fence) refresh(ctx context.Context) {
	now, err := f.look()
	f.mu.Lock()
	var gone []net.Listener
	for a, l := range f.sockets {
		if err == nil && !slices.Contains(now, a) {
			gone = append(gone, l)
		}
	}
	now = slices.DeleteFunc(now, func(a netip.Addr) bool { return f.sockets[a] != nil })
	f.mu.Unlock()
	for _, l := range gone {
		l.Close() // its goroutine forgets it
	}
	for _, a := range now {
		_ = f.open(ctx, a) // an IPv6 address may not be ready yet: at the next look
	}
}

// wait is false when ctx or done has ended before d.
func wait(ctx context.Context, done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-done:
	case <-ctx.Done():
	}
	return false
}

// Accept is of net.Listener.
func (f *fence) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close is of net.Listener. Connections that were accepted stay.
func (f *fence) Close() error {
	f.once.Do(func() {
		close(f.done)
		f.group.Stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, l := range f.sockets {
			l.Close()
		}
	})
	return nil
}

// Addr is that of one of the sockets; the port is the same for all.
func (f *fence) Addr() net.Addr {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first net.Addr
	for _, l := range f.sockets {
		if a := l.Addr(); first == nil || a.String() < first.String() {
			first = a
		}
	}
	return first
}
