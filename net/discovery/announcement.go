package discovery

import (
	"net/netip"
	"slices"

	"chat.lan/p2pchat/net/wire"
)

// Kind is what a datagram announces.
type Kind string

const (
	Announce  Kind = "announce"  // the sender is here
	Heartbeat Kind = "heartbeat" // the seed's: the sender is still here; only ID and Source are known
	Goodbye   Kind = "goodbye"   // the sender leaves; it never ends a live link
)

// Announcement is one datagram of another peer. Nothing in it is authenticated or sanitized.
type Announcement struct {
	Kind      Kind
	Source    netip.AddrPort // the packet's source; no one listens for dials on its port
	ID        string         // the id that the sender claims
	Discovery wire.Discovery // as received; zero for a Heartbeat

	// New is set on the first Announce of an instance, and again if 1024 others have pushed the instance
	// out of the table since.
	New bool
	// OwnKey says that another instance claims our own key: a copied profile, or a liar.
	OwnKey bool
	// Addrs is where to dial, in this order: the packet's source address, then the claimed address if it
	// differs and is plausible. Both have the claimed port. An Announce has at least one.
	Addrs []netip.AddrPort
}

// listDialAddrs returns the addresses to dial for d, whose packet came from source. own holds our
// addresses, and networks those of our interfaces.
func listDialAddrs(d *wire.Discovery, source netip.Addr, own []netip.Addr, networks []netip.Prefix) []netip.AddrPort {
	if d.Port == 0 {
		return nil
	}
	var addrs []netip.AddrPort
	if isDialable(source, networks) {
		addrs = append(addrs, netip.AddrPortFrom(source, d.Port))
	}
	if claim, ok := checkClaimedAddr(d.IP, source, own, networks); ok {
		addrs = append(addrs, netip.AddrPortFrom(claim, d.Port))
	}
	return addrs
}

// checkClaimedAddr returns the address that the sender claims, if it is worth a dial beside the source. A
// stranger must not be able to make us dial the wide world, our own programs, or ourselves.
func checkClaimedAddr(text string, source netip.Addr, own []netip.Addr, networks []netip.Prefix) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	a = a.Unmap().WithZone("") // a zone is the sender's name for its own interface
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(source.Zone())
	}
	local := func(p netip.Prefix) bool { return p.Contains(a.WithZone("")) }
	switch {
	case a == source, !isDialable(a, networks),
		a.IsLoopback() && !source.IsLoopback(),
		slices.Contains(own, a) && !slices.Contains(own, source),
		!a.IsPrivate() && !a.IsLinkLocalUnicast() && !a.IsLoopback() && !slices.ContainsFunc(networks, local):
		return netip.Addr{}, false
	}
	return a, true
}

// isDialable reports whether a can be the address of a single host. networks determine the broadcast
// addresses.
func isDialable(a netip.Addr, networks []netip.Prefix) bool {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	if a.Is4() {
		b := a.As4()
		if b[0] == 0 || b[0] >= 240 || b == [4]byte{127, 255, 255, 255} {
			return false
		}
		for _, p := range networks {
			if p.Addr().Is4() && p.Bits() < 31 && p.Contains(a) && (a == directedBroadcast(p) || a == p.Masked().Addr()) {
				return false
			}
		}
		return true
	}
	return !a.IsLinkLocalUnicast() || a.Zone() != ""
}

// directedBroadcast returns the directed broadcast address of an IPv4 network.
func directedBroadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
