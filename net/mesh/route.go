package mesh

import (
	"context"
	"net"
	"net/netip"

	"chat.lan/p2pchat/net/link"
)

// Route is a way to reach a peer. Two routes of the same name are the same.
type Route interface {
	// String returns the route's name, which people see: host:port for TCP.
	String() string
	// Dial opens a connection. It returns early, with an error, when ctx ends.
	Dial(ctx context.Context) (net.Conn, error)
}

// TCP dials routes over TCP: a net.Dialer's DialContext, or that of a network in memory.
type TCP func(ctx context.Context, network, addr string) (net.Conn, error)

// Route returns the route to host:port.
func (t TCP) Route(addr string) Route { return tcpRoute{addr, t} }

// Routes returns the routes to addresses, in their order. Addresses that can't be dialled are left out.
func (t TCP) Routes(addrs ...netip.AddrPort) []Route {
	out := make([]Route, 0, len(addrs))
	for _, a := range addrs {
		if a.IsValid() && a.Port() != 0 {
			out = append(out, t.Route(netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()))
		}
	}
	return out
}

// RouteTo returns the route to where the peer of a link listens, or nil if it didn't say where.
func (t TCP) RouteTo(l *link.Link) Route {
	a := l.RemoteAddr()
	if !l.Dialed() {
		a = netip.AddrPortFrom(a.Addr(), uint16(l.Hello().Port))
	}
	for _, r := range t.Routes(a) {
		return r
	}
	return nil
}

type tcpRoute struct {
	addr string
	dial TCP
}

// String implements Route.
func (r tcpRoute) String() string { return r.addr }

// Dial implements Route.
func (r tcpRoute) Dial(ctx context.Context) (net.Conn, error) { return r.dial(ctx, "tcp", r.addr) }

// addrOf returns the IP address in a route's name. It is invalid for a name without one.
func addrOf(r Route) netip.Addr {
	a, _ := netip.ParseAddrPort(r.String())
	return a.Addr().Unmap()
}
