package node

import (
	"fmt"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// maxCopies bounds the addresses of other programs with our key that are reported in one run.
const maxCopies = 8

// openDiscovery opens the socket that beacons take.
func (n *Node) openDiscovery() error {
	if n.cfg.NoDiscovery {
		return nil
	}
	if n.cfg.Transport != nil {
		n.udp = n.cfg.Transport
		return nil
	}
	udp, err := discovery.ListenUDP(n.group, discovery.UDPConfig{Port: n.cfg.DiscoveryPort, Interfaces: n.cfg.Interfaces})
	if err != nil {
		return err
	}
	n.udp = udp
	return nil
}

// announce returns what our beacons say.
func (n *Node) announce() wire.Discovery {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := n.cfg.Identity.Key()
	return wire.Discovery{ID: key.ID().String(), Name: n.mu.name, Port: uint16(n.port), V: 1,
		Started: n.started.UnixMilli(), Inst: n.inst, Key: &key, Rooms: n.roomIDs()}
}

// onAnnouncement dials a native peer that is in one of our rooms, and notes a plain one.
func (n *Node) onAnnouncement(s discovery.Announcement) {
	native := s.Kind == discovery.Announce && s.Discovery.Native()
	switch {
	case native && s.OwnKey:
		n.reportKeyCopy(s)
	case native:
		for _, id := range s.Discovery.Rooms {
			if n.roomOf(id) != nil {
				n.mesh.Hint(*s.Discovery.Key, n.tcp.Routes(s.Addrs...))
				return
			}
		}
	case !n.cleartext.allows(s.Source.Addr()):
	case s.Kind == discovery.Heartbeat:
		n.cleartext.plain.HandleHeartbeat(s.ID, s.Source)
	case s.Kind == discovery.Announce:
		n.cleartext.plain.HandleBeacon(s.Discovery, s.Source)
	}
}

// reportKeyCopy reports another program with our key: once for each address, and for a few of them,
// since anyone can send our beacon again, each time as a new program's.
func (n *Node) reportKeyCopy(s discovery.Announcement) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at := s.Source.Addr()
	if !s.New || n.mu.copies[at] || len(n.mu.copies) >= maxCopies {
		return
	}
	n.mu.copies[at] = true
	n.notice(event.Warning, "another program with your key is at "+at.String(), "a copied profile? give one of the two its own with --profile")
}

// onDiscoveryStatus posts what discovery sees.
func (n *Node) onDiscoveryStatus(s discovery.Status) {
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
	n.mu.network = net
	n.mu.Unlock()
	n.events.Post(net)
}
