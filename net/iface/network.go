package iface

import (
	"context"
	"fmt"
	"net"
	"net/netip"

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
