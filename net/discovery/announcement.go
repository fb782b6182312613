package discovery

import (
	"fmt"
	"net/netip"
	"slices"

	"chat.lan/p2pchat/net/wire"
)

// Kind is what a datagram said.
type Kind int

const (
	Announce  Kind = iota + 1 // here I am
	Heartbeat                 // the seed's: still here; only ID and Source are known
	Goodbye                   // I leave; it never touches a live link
)

// String is the kind in one word.
func (k Kind) String() string {
	switch k {
	case Announce:
		return "announce"
	case Heartbeat:
		return "heartbeat"
	case Goodbye:
		return "goodbye"
	}
	return fmt.Sprintf("kind %d", int(k))
}

// Announcement is one datagram of somebody else. Nothing in it is authenticated or cleaned: names are raw.
type Announcement struct {
	Kind      Kind
	Source    netip.AddrPort // the packet's source; its port is not one to dial
	ID        string         // what the sender says its id is
	Discovery wire.Discovery // as received; zero for a Heartbeat

	// New is set on the first Announce of an instance. It may be set again for one that was pushed out
	// of the table by 1024 others.
	New bool
	// OwnKey says that it claims our own key with another instance: a copied profile, or a liar.
	OwnKey bool
	// Addrs is where to dial, in this order: the packet's source address, then the claimed one if it
	// differs and is plausible. Both with the claimed port. Never empty for an Announce.
	Addrs []netip.AddrPort
}

// reach is the addresses to dial for d, whose packet came from source. own is our addresses, networks
// those of our interfaces.
func reach(d *wire.Discovery, source netip.Addr, own []netip.Addr, networks []netip.Prefix) []netip.AddrPort {
	if d.Port == 0 {
		return nil
	}
	var addrs []netip.AddrPort
	if dialable(source, networks) {
		addrs = append(addrs, netip.AddrPortFrom(source, d.Port))
	}
	if claim, ok := claimed(d.IP, source, own, networks); ok {
		addrs = append(addrs, netip.AddrPortFrom(claim, d.Port))
	}
	return addrs
}

// claimed is the address that the sender gives as its own, if it is worth a dial beside the source.
// A stranger's word must not make us dial the wide world, our own programs, or ourselves.
func claimed(text string, source netip.Addr, own []netip.Addr, networks []netip.Prefix) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	a = a.Unmap().WithZone("") // a zone is the sender's name for an interface of his
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(source.Zone())
	}
	local := func(p netip.Prefix) bool { return p.Contains(a.WithZone("")) }
	switch {
	case a == source, !dialable(a, networks):
		return netip.Addr{}, false
	case a.IsLoopback() && !source.IsLoopback():
		return netip.Addr{}, false
	case slices.Contains(own, a) && !slices.Contains(own, source):
		return netip.Addr{}, false
	case !a.IsPrivate() && !a.IsLinkLocalUnicast() && !a.IsLoopback() && !slices.ContainsFunc(networks, local):
		return netip.Addr{}, false
	}
	return a, true
}

// dialable reports whether a can be the address of one host. networks tells the broadcast addresses.
func dialable(a netip.Addr, networks []netip.Prefix) bool {
	if !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	if a.Is4() {
		b := a.As4()
		if b[0] == 0 || b[0] >= 240 || b == [4]byte{127, 255, 255, 255} {
			return false
		}
		for _, p := range networks {
			if p.Addr().Is4() && p.Bits() < 31 && p.Contains(a) && (a == broadcast(p) || a == p.Masked().Addr()) {
				return false
			}
		}
		return true
	}
	return !a.IsLinkLocalUnicast() || a.Zone() != ""
}

// broadcast is the directed broadcast address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(b)
}
