package node

import (
	"net/netip"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/plain/mdns"
	"chat.lan/p2pchat/net/wire"
)

// startMDNS announces us and looks for others by mDNS, where discovery does.
func (n *Node) startMDNS() {
	udp, real := n.udp.(discovery.Inspector)
	if n.cfg.NoMDNS || n.cfg.PlainPeers == plain.ScopeOff || !real {
		return
	}
	key := n.cfg.Identity.Key()
	n.mdns = mdns.Start(n.group, mdns.Config{
		Self: func() mdns.Self {
			me := n.cleartext.self.Load()
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
				n.mesh.Hint(*d.Key, n.tcp.Routes(at))
			case n.cleartext.allows(at.Addr()):
				n.cleartext.plain.HandleFound(d, at)
			}
		},
		Log: n.cfg.Log,
	})
}
