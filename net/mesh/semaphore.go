package mesh

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// gate lets in a bounded number at a time, and of one address no more than its share. Loopback and
// what has no address are held to the whole number only.
type gate struct {
	all, share int

	mu     sync.Mutex
	inside int
	of     map[netip.Addr]int
	left   chan struct{} // closed when somebody leaves; nil: nobody waits
}

func newGate(all, share int) *gate {
	return &gate{all: all, share: share, of: map[netip.Addr]int{}}
}

// try reports whether there was a place. Who got one calls leave, once.
func (g *gate) try(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.take(a)
}

// take is try. Called with mu held.
func (g *gate) take(a netip.Addr) bool {
	if g.inside >= g.all || counted(a) && g.of[a] >= g.share {
		return false
	}
	g.inside++
	g.of[a]++
	return true
}

// enter waits for a place. It reports false, without one, when ctx ends.
func (g *gate) enter(ctx context.Context, a netip.Addr) bool {
	for ctx.Err() == nil {
		g.mu.Lock()
		if g.take(a) {
			g.mu.Unlock()
			return true
		}
		if g.left == nil {
			g.left = make(chan struct{})
		}
		left := g.left
		g.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
		}
	}
	return false
}

func (g *gate) leave(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.of[a]--; g.of[a] == 0 {
		delete(g.of, a)
	}
	if g.left != nil {
		close(g.left)
		g.left = nil
	}
}

func counted(a netip.Addr) bool { return a.IsValid() && !a.IsLoopback() }

// addrOf is the other end's address; invalid if the connection has none.
func addrOf(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
