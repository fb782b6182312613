package node

import (
	"errors"
	"fmt"
	"net/netip"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// What is taken from one frame.
const (
	maxContacts   = 50  // peers that a Peers frame names (DESIGN.md §4)
	maxNeighbours = 256 // links that a Links frame names: twice as many as there can be
)

// maxDoubles bounds the addresses of other programs with our key that are told of in one run.
const maxDoubles = 8

// introduce tells every link whom we are linked to, and where they listen, soon after a link came or
// went. Called with mu held.
func (n *Node) introduce() {
	var links wire.Links
	var peers wire.Peers
	for _, p := range n.here {
		links.Links = append(links.Links, wire.Neighbour{Key: p.Key, RTTMs: float64(p.link.RTT().Microseconds()) / 1000})
		if p.Addr.IsValid() && p.Addr.Addr().Zone() == "" && len(peers.Peers) < maxContacts && p.link.Hello().Port != 0 {
			peers.Peers = append(peers.Peers, wire.Contact{Key: p.Key, Addrs: []string{p.Addr.String()}})
		}
	}
	for _, m := range []wire.Message{links, peers} {
		f, err := wire.Encode(m)
		if err != nil {
			n.cfg.Log.Error("encode", "error", err)
			continue
		}
		for _, p := range n.here {
			p.link.Control(f)
		}
	}
}

// introduced takes another's word for where peers are: as a hint.
func (n *Node) introduced(m wire.Peers) {
	for _, c := range m.Peers[:min(len(m.Peers), maxContacts)] {
		if p := n.peers[c.Key]; c.Key.IsZero() || p != nil && p.link != nil {
			continue
		}
		var addrs []netip.AddrPort
		for _, text := range c.Addrs[:min(len(c.Addrs), 4)] {
			if a, err := netip.ParseAddrPort(text); err == nil && a.Port() != 0 && !a.Addr().IsUnspecified() && !a.Addr().IsMulticast() {
				addrs = append(addrs, a)
			}
		}
		n.mesh.Hint(c.Key, n.tcp.Routes(addrs...))
	}
}

// crowd tells discovery how many peers share the air. Called without mu.
func (n *Node) crowd() {
	if n.finder != nil {
		n.finder.SetPeers(len(n.mesh.Links()))
	}
}

// Disconnect ends the link to the peer with that uuid, or what Connect does for an address, and keeps it
// ended until Connect.
func (n *Node) Disconnect(id string) error {
	if n.giveUp(id) {
		return nil
	}
	p, err := n.find(id)
	if err != nil {
		if named, ok := n.plain.Disconnect(id); ok {
			n.forget(lineScheme+named, jsonScheme+named)
			return nil
		}
		return err
	}
	n.mu.Lock()
	for addr, key := range n.reachedAt {
		if key == p.Key {
			defer n.forget(addr)
		}
	}
	n.mu.Unlock()
	n.mesh.Block(p.Key, wire.ByeLeaving)
	return nil
}

// Ignore hides what the peer with that uuid says, or shows it again.
func (n *Node) Ignore(id string, on bool) error {
	if n.ignorePlain(id, on) {
		return nil
	}
	return n.remember(id, func(p *peer) { p.Ignored = on }, func(known Known, _ identity.Key) error { return known.SetIgnored(id, on) })
}

// Verify notes whether the words of the peer with that uuid were compared.
func (n *Node) Verify(id string, on bool) error {
	return n.remember(id, func(p *peer) { p.Verified = on }, func(known Known, key identity.Key) error { return known.SetVerified(key, on) })
}

// remember changes a peer, and the profile's memory of it, which waits for the disk.
func (n *Node) remember(id string, change func(*peer), save func(Known, identity.Key) error) error {
	p, err := n.find(id)
	if err != nil {
		return err
	}
	if n.cfg.Known == nil {
		return errors.New("nothing is remembered without a profile: start with --profile")
	}
	n.mu.Lock()
	change(p)
	n.events.Post(event.PeerChanged{Peer: p.now()})
	n.mu.Unlock()
	return save(n.cfg.Known, p.Key)
}

func (n *Node) find(id string) (*peer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.peers {
		if p.ID == id {
			return p, nil
		}
	}
	return nil, fmt.Errorf("nobody here has the id %s: /list shows who is there", id)
}

// discover opens the way that beacons take.
func (n *Node) discover(g *group.Group) error {
	if n.cfg.NoDiscovery {
		return nil
	}
	if n.cfg.Transport != nil {
		n.udp = n.cfg.Transport
		return nil
	}
	udp, err := discovery.ListenUDP(g, discovery.UDPConfig{Port: n.cfg.DiscoveryPort, Interfaces: n.cfg.Interfaces})
	if err != nil {
		return err
	}
	n.udp = udp
	return nil
}

// announce is what our beacons say.
func (n *Node) announce() wire.Discovery {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := n.cfg.Identity.Key()
	return wire.Discovery{ID: key.ID().String(), Name: n.name, Port: uint16(n.port), V: 1,
		Started: n.started.UnixMilli(), Inst: n.inst, Key: &key, Rooms: []string{n.room.ID().String()}}
}

// sighted dials who is in our room.
func (n *Node) sighted(s discovery.Announcement) {
	if s.Kind != discovery.Announce || !s.Discovery.Native() {
		n.sightedPlain(s)
		return
	}
	if s.OwnKey {
		n.doubled(s)
		return
	}
	for _, r := range s.Discovery.Rooms {
		if r == n.room.ID().String() {
			n.mesh.Hint(*s.Discovery.Key, n.tcp.Routes(s.Addrs...))
			return
		}
	}
}

// doubled tells of another program with our key: once of each address, and of a few, as anybody can send
// our beacon again, each time as a new program's.
func (n *Node) doubled(s discovery.Announcement) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := s.Source.Addr()
	if !s.New || n.doubles[at] || len(n.doubles) >= maxDoubles {
		return
	}
	n.doubles[at] = true
	n.notice(event.Warning, "another program with your key is at "+at.String(), "a copied profile? give one of the two its own with --profile")
}

// searched passes on what discovery sees.
func (n *Node) searched(s discovery.Status) {
	net := event.Network{Looking: true, Since: s.Since}
	for _, i := range s.Report.Interfaces {
		e := event.Interface{Name: i.Name, Skipped: i.Skipped, Error: i.Error, Sent: int(i.Sent), Heard: int(i.Heard)}
		if len(i.Addrs) > 0 {
			e.Addr = i.Addrs[0]
		}
		net.Interfaces = append(net.Interfaces, e)
	}
	if len(s.Troubles) > 0 {
		net.Trouble, net.Hint = s.Troubles[0].Cause, s.Troubles[0].Hint
	}
	for _, t := range s.Troubles {
		net.Found = append(net.Found, event.Notice{Level: event.Warning, Text: t.Cause, Hint: t.Hint})
	}
	if s.Report.Port != 0 {
		net.Firewall = append(net.Firewall, event.Notice{Text: fmt.Sprintf("to be found, UDP %d", s.Report.Port), Hint: discovery.FirewallHint("udp", s.Report.Port)})
	}
	net.Firewall = append(net.Firewall, event.Notice{Text: fmt.Sprintf("to be spoken to, TCP %d", n.port), Hint: discovery.FirewallHint("tcp", n.port)})
	n.mu.Lock()
	n.network = net
	n.mu.Unlock()
	n.events.Post(net)
}
