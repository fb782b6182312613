package node

import (
	"net/netip"

	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// receivePeerList takes a peer's word for where others are: as a hint.
func (n *Node) receivePeerList(l *link.Link, m wire.Peers) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.peerOfLocked(l) == nil {
		return
	}
	n.takeContactsLocked(l, m.Peers)
}

// takeContacts takes what a peer that has no place for us any more says of others.
func (n *Node) takeContacts(l *link.Link, contacts []wire.Contact) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.takeContactsLocked(l, contacts)
}

func (n *Node) takeContactsLocked(l *link.Link, contacts []wire.Contact) {
	for _, c := range contacts[:min(len(contacts), maxContacts)] {
		if p := n.mu.peers[c.Key]; c.Key.IsZero() || p != nil && p.link != nil {
			continue
		}
		var addrs []netip.AddrPort
		for _, text := range c.Addrs[:min(len(c.Addrs), 4)] {
			if a, err := netip.ParseAddrPort(text); err == nil && a.Port() != 0 && mayHint(l.RemoteAddr().Addr(), a.Addr()) {
				addrs = append(addrs, a)
			}
		}
		n.mesh.Hint(c.Key, n.tcp.Routes(addrs...), n.standings.sourceOf(l.RemoteAddr().Addr()))
	}
}

// scope is how far an address reaches.
type scope int

const (
	everywhere scope = iota
	private          // a site: RFC 1918, RFC 4193
	linkLocal
	loopback
	nowhere // no address of a single host
)

func scopeOf(a netip.Addr) scope {
	switch a = a.Unmap(); {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return nowhere
	case a.IsLoopback():
		return loopback
	case a.IsLinkLocalUnicast():
		return linkLocal
	case a.IsPrivate():
		return private
	}
	return everywhere
}

// mayHint reports whether a peer at from may have us dial an address. An address that reaches less far than the whole
// internet means the same host to both only if the peer is within that reach. Else anyone could have us knock on our
// own machine's ports, or on those of our site.
func mayHint(from, addr netip.Addr) bool {
	s := scopeOf(addr)
	return s == everywhere || s != nowhere && s == scopeOf(from)
}
