package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// maxAddrs is how many addresses of one interface are sent from. More are aliases of a server.
const maxAddrs = 8

// internal is how the names of interfaces begin behind which there are only containers, virtual
// machines of this host, or one other device: a beacon there costs and finds nobody new.
var internal = []struct{ prefix, reason string }{
	{"docker", "containers of this machine"},
	{"br-", "containers of this machine"},
	{"veth", "containers of this machine"},
	{"podman", "containers of this machine"},
	{"cni", "containers of this machine"},
	{"flannel", "containers of this machine"},
	{"cali", "containers of this machine"},
	{"lxcbr", "containers of this machine"},
	{"lxdbr", "containers of this machine"},
	{"virbr", "virtual machines of this machine"},
	{"vmnet", "virtual machines of this machine"},
	{"vboxnet", "virtual machines of this machine"},
	{"vEthernet (Default Switch)", "virtual machines of this machine"},
	{"vEthernet (WSL", "virtual machines of this machine"},
	{"awdl", "AirDrop's own link"},
	{"llw", "AirDrop's own link"},
}

// nic is a network interface as the system has it.
type nic struct {
	name  string
	index int
	flags net.Flags
	addrs []netip.Prefix // IPv4, and IPv6 link-local without zone
}

// survey asks the system for its interfaces.
func survey() ([]nic, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("discovery: list interfaces: %w", err)
	}
	nics := make([]nic, 0, len(found))
	for _, f := range found {
		n := nic{name: f.Name, index: f.Index, flags: f.Flags}
		// An interface that goes away between the two calls has no addresses: so it is skipped.
		addrs, _ := f.Addrs()
		for _, a := range addrs {
			ipnet, ok := a.(*net.IPNet)
			if !ok {
				continue
			}
			ip, ok := netip.AddrFromSlice(ipnet.IP)
			if !ok {
				continue
			}
			bits, _ := ipnet.Mask.Size()
			ip = ip.Unmap()
			if ip.Is4() || ip.IsLinkLocalUnicast() {
				n.addrs = append(n.addrs, netip.PrefixFrom(ip, min(bits, ip.BitLen())))
			}
		}
		slices.SortFunc(n.addrs, netip.Prefix.Compare) // the system's order may change by itself
		nics = append(nics, n)
	}
	return nics, nil
}

// skip says why an interface is not used, or "". names is what the user named; empty means all.
func (n *nic) skip(names []string) string {
	if len(names) > 0 && !slices.Contains(names, n.name) {
		return "not named with --interface"
	}
	for _, i := range internal {
		if len(names) == 0 && strings.HasPrefix(n.name, i.prefix) {
			return i.reason
		}
	}
	switch {
	case n.flags&net.FlagUp == 0:
		return "down"
	case n.flags&net.FlagRunning == 0:
		return "not connected"
	case len(n.addrs) == 0:
		return "no address"
	case len(n.outlets()) == 0:
		return "can't broadcast"
	}
	return ""
}

// outlet is an address to send from and where to.
type outlet struct {
	from netip.Addr   // with its zone, if it is IPv6
	to   []netip.Addr // with the same zone
}

// outlets is what one sends on an interface: from each IPv4 address to the two broadcast addresses, and
// from one IPv6 address to the group.
func (n *nic) outlets() []outlet {
	var all []outlet
	grouped := false
	for _, p := range n.addrs {
		a := p.Addr()
		o := outlet{from: a}
		switch {
		case len(all) == maxAddrs:
			continue
		case a.Is6():
			// On a loopback with multicast (macOS) this is the only way: see the package comment.
			if grouped || n.flags&net.FlagMulticast == 0 {
				continue
			}
			grouped = true
			o.from = a.WithZone(n.name)
			o.to = []netip.Addr{netip.MustParseAddr(MulticastGroup).WithZone(n.name)}
		case n.flags&net.FlagLoopback != 0:
			if !a.IsLoopback() {
				continue // what stands on loopback besides 127/8 is for routing
			}
			o.to = []netip.Addr{netip.AddrFrom4([4]byte{127, 255, 255, 255})}
		case n.flags&net.FlagBroadcast != 0:
			if p.Bits() < 31 {
				o.to = append(o.to, broadcast(p))
			}
			o.to = append(o.to, netip.AddrFrom4([4]byte{255, 255, 255, 255}))
		default:
			continue
		}
		all = append(all, o)
	}
	return all
}
