package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"chat.lan/p2pchat/net/group"
)

// machine is the network of the machine, held to the interfaces that were asked for.
type machine struct {
	group      *group.Group
	interfaces []string
}

func (m machine) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host == "" && len(m.interfaces) > 0 {
		return listenOn(ctx, m.group, m.interfaces, network, port)
	}
	return (&net.ListenConfig{}).Listen(ctx, network, addr)
}

func (m machine) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, addr)
}

// addressesOf are the addresses of interfaces. The error tells of one that isn't there, or has none;
// those of the others are returned beside it.
func addressesOf(names []string) (addrs []netip.Addr, err error) {
	for _, name := range names {
		i, failed := net.InterfaceByName(name)
		if failed != nil {
			err = fmt.Errorf("interface %s: %w", name, failed)
			continue
		}
		nets, failed := i.Addrs()
		if failed != nil {
			err = fmt.Errorf("interface %s: %w", name, failed)
			continue
		}
		if len(nets) == 0 {
			err = fmt.Errorf("interface %s has no address", name)
		}
		for _, n := range nets {
			p, failed := netip.ParsePrefix(n.String())
			if failed != nil {
				continue
			}
			a := p.Addr().Unmap()
			if a.Is6() && a.IsLinkLocalUnicast() {
				a = a.WithZone(name)
			}
			addrs = append(addrs, a)
		}
	}
	return addrs, err
}
