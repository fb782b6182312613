package node

import (
	"fmt"
	"net/netip"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/plain/mdns"
	"chat.lan/p2pchat/net/wire"
)

// finder finds peers by beacons and by mDNS. Its fields are set before others run beside Start.
type finder struct {
	n       *Node
	udp     discovery.Transport // nil: no discovery
	service *discovery.Service  // nil: no discovery
	mdns    *mdns.Service       // nil: no mDNS
}

// open opens the socket that beacons take.
func (f *finder) open() (err error) {
	switch cfg := f.n.cfg; {
	case cfg.NoDiscovery:
	case cfg.Transport != nil:
		f.udp = cfg.Transport
	default:
		f.udp, err = discovery.ListenUDP(f.n.group, discovery.UDPConfig{Port: cfg.DiscoveryPort, Interfaces: cfg.Interfaces})
	}
	return err
}

// announce returns what our beacons say.
func (f *finder) announce() wire.Discovery {
	f.n.mu.Lock()
	defer f.n.mu.Unlock()
	key := f.n.cfg.Identity.Key()
	return wire.Discovery{ID: key.ID().String(), Name: f.n.mu.name, Port: uint16(f.n.port), V: 1,
		Started: f.n.started.UnixMilli(), Inst: f.n.inst, Key: &key, Rooms: f.n.roomIDs()}
}

// onAnnouncement dials a native peer that is in one of our rooms, and notes a plain one.
func (f *finder) onAnnouncement(s discovery.Announcement) {
	native := s.Kind == discovery.Announce && s.Discovery.Native()
	switch {
	case native && s.OwnKey:
		f.n.copies.onBeacon(s)
	case native:
		for _, id := range s.Discovery.Rooms {
			if f.n.rooms[id] != nil {
				f.n.mesh.Hint(*s.Discovery.Key, f.n.tcp.Routes(s.Addrs...), f.n.standings.sourceOf(s.Source.Addr()))
				return
			}
		}
	case !f.n.cleartext.allows(s.Source.Addr()):
	case s.Kind == discovery.Heartbeat:
		f.n.cleartext.plain.HandleHeartbeat(s.ID, s.Source)
	case s.Kind == discovery.Announce:
		f.n.cleartext.plain.HandleBeacon(s.Discovery, s.Source)
	}
}

// onDiscoveryStatus posts what discovery sees.
func (f *finder) onDiscoveryStatus(s discovery.Status) {
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
	net.Firewall = append(net.Firewall, event.Notice{Text: fmt.Sprintf("to be spoken to, TCP %d", f.n.port), Hint: discovery.FirewallHint("tcp", f.n.port)})
	f.n.mu.Lock()
	f.n.mu.network = net
	f.n.mu.Unlock()
	f.n.events.Post(net)
}

// start begins to look for peers.
func (f *finder) start() {
	if f.udp != nil {
		f.service = discovery.Start(f.n.group, discovery.Config{Transport: f.udp, Self: f.announce, OnAnnouncement: f.onAnnouncement, OnStatus: f.onDiscoveryStatus})
	}
	f.startMDNS()
}

// startMDNS announces us and looks for others by mDNS, where discovery does.
func (f *finder) startMDNS() {
	udp, real := f.udp.(discovery.Inspector)
	if f.n.cfg.NoMDNS || f.n.cfg.PlainPeers == plain.ScopeOff || !real {
		return
	}
	key := f.n.cfg.Identity.Key()
	f.mdns = mdns.Start(f.n.group, mdns.Config{
		Self: func() mdns.Self {
			me := f.n.cleartext.self.Load()
			return mdns.Self{ID: me.ID, Name: me.Name, Port: me.Port, Key: key}
		},
		Interfaces: func() (names []string) {
			for _, i := range udp.Report().Interfaces {
				if i.Skipped == "" {
					names = append(names, i.Name)
				}
			}
			return names
		},
		Found: func(d wire.Discovery, at netip.AddrPort) {
			switch {
			case d.Native():
				f.n.mesh.Hint(*d.Key, f.n.tcp.Routes(at), f.n.standings.sourceOf(at.Addr()))
			case f.n.cleartext.allows(at.Addr()):
				f.n.cleartext.plain.HandleFound(d, at)
			}
		},
		Log: f.n.cfg.Log,
	})
}
