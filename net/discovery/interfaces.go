package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"chat.lan/p2pchat/net/iface"
)

// maxAddrs is how many addresses of an interface send beacons. More are aliases of a server.
const maxAddrs = 8

// hostOnlyPrefixes lists how names of interfaces begin that lead only to containers or virtual machines of this
// host, or to a single device. A beacon there would find no new peer.
var hostOnlyPrefixes = []struct {
	reason   string
	prefixes []string
}{
	{"containers of this machine", []string{"docker", "br-", "veth", "podman", "cni", "flannel", "cali", "lxcbr", "lxdbr"}},
	{"virtual machines of this machine", []string{"virbr", "vmnet", "vboxnet", "vEthernet (Default Switch)", "vEthernet (WSL"}},
	{"AirDrop's own link", []string{"awdl", "llw"}},
}

// listInterfaces asks the system for its interfaces, with the Prefixes that beacons leave from alone: IPv4, and
// IPv6 link-local.
func listInterfaces() ([]iface.Interface, error) {
	all, err := iface.List()
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	for k := range all {
		all[k].Prefixes = slices.DeleteFunc(all[k].Prefixes, func(p netip.Prefix) bool {
			return !p.Addr().Is4() && !p.Addr().IsLinkLocalUnicast()
		})
	}
	return all, nil
}

// skipReason returns why not to use an interface, or "". names are those that the user chose; empty means
// all.
func skipReason(n *iface.Interface, names []string) string {
	if len(names) > 0 && !slices.Contains(names, n.Name) {
		return "not named with --interface"
	}
	for _, i := range hostOnlyPrefixes {
		if len(names) == 0 && slices.ContainsFunc(i.prefixes, func(p string) bool { return strings.HasPrefix(n.Name, p) }) {
			return i.reason
		}
	}
	switch {
	case n.Flags&net.FlagUp == 0:
		return "down"
	case n.Flags&net.FlagRunning == 0:
		return "not connected"
	case len(n.Prefixes) == 0:
		return "no address"
	case len(listOutlets(n)) == 0:
		return "can't broadcast"
	}
	return ""
}

// outlet is an address to send from, and the destinations.
type outlet struct {
	from netip.Addr   // with its zone, if it is IPv6
	to   []netip.Addr // with the same zone
}

// listOutlets returns the outlets of an interface: from each IPv4 address to the two broadcast addresses,
// and from one IPv6 address to the group.
func listOutlets(n *iface.Interface) []outlet {
	var all []outlet
	grouped := false
	for _, p := range n.Prefixes {
		a := p.Addr()
		o := outlet{from: a}
		switch {
		case len(all) == maxAddrs:
			continue
		case a.Is6():
			// Loopback of macOS, which has multicast, works only so: see the package comment.
			if grouped || n.Flags&net.FlagMulticast == 0 {
				continue
			}
			grouped = true
			o.from = a.WithZone(n.Name)
			o.to = []netip.Addr{netip.MustParseAddr(MulticastGroup).WithZone(n.Name)}
		case n.IsLoopback():
			if !a.IsLoopback() {
				continue // addresses outside 127/8 on loopback serve routing
			}
			o.to = []netip.Addr{netip.AddrFrom4([4]byte{127, 255, 255, 255})}
		case n.Flags&net.FlagBroadcast != 0:
			if p.Bits() < 31 {
				o.to = append(o.to, directedBroadcast(p))
			}
			o.to = append(o.to, netip.AddrFrom4([4]byte{255, 255, 255, 255}))
		default:
			continue
		}
		all = append(all, o)
	}
	return all
}
