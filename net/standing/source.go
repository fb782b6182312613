package standing

import "net/netip"

// Source is where the traffic of a key comes from (see the package comment). Sources compare with ==. The zero
// Source is an unknown one.
type Source struct{ prefix netip.Prefix }

// Machine is the source of all programs on this machine.
var Machine = Source{netip.MustParsePrefix("127.0.0.0/8")}

// SourceOf returns the source of an address. local reports whether an address is this machine's own; it may be nil.
func SourceOf(addr netip.Addr, local func(netip.Addr) bool) Source {
	addr = addr.Unmap().WithZone("")
	switch {
	case !addr.IsValid():
		return Source{}
	case addr.IsLoopback(), local != nil && local(addr):
		return Machine
	case addr.Is4(), addr.IsLinkLocalUnicast():
		return Source{netip.PrefixFrom(addr, addr.BitLen())}
	}
	network, _ := addr.Prefix(64) // 64 bits are within an IPv6 address
	return Source{network}
}

// String returns the address or the network, "this machine", or "an unknown address".
func (s Source) String() string {
	switch {
	case s == Source{}:
		return "an unknown address"
	case s == Machine:
		return "this machine"
	case s.prefix.IsSingleIP():
		return s.prefix.Addr().String()
	}
	return s.prefix.String()
}

// Prefix returns the network of the source, the zero Prefix for an unknown one.
func (s Source) Prefix() netip.Prefix { return s.prefix }

// Addr returns an address of the source, invalid for an unknown one.
func (s Source) Addr() netip.Addr { return s.prefix.Addr() }

// Text returns the source as ParseSource reads it.
func (s Source) Text() string { return s.prefix.String() }

// ParseSource reads what Text returned.
func ParseSource(text string) (Source, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return Source{}, err
	}
	return Source{p.Masked()}, nil
}

// Shared returns the source itself. For an IPv6 link-local address it is one of 16 sources that stand for all of
// them. Where a source may do something once in a while, these may 16 times, however many addresses a host takes.
func (s Source) Shared() Source {
	if !s.isLinkLocal() {
		return s
	}
	var group [16]byte
	group[0], group[1] = 0xfe, 0x80
	for i, b := range s.prefix.Addr().As16() {
		if i >= 8 {
			group[15] ^= b
		}
	}
	group[15] %= linkLocalSources
	return Source{netip.PrefixFrom(netip.AddrFrom16(group), 128)}
}

// isLinkLocal reports whether the source is an IPv6 link-local address. IPv4 ones are no cheaper than others.
func (s Source) isLinkLocal() bool {
	return s.prefix.Addr().Is6() && s.prefix.Addr().IsLinkLocalUnicast()
}
