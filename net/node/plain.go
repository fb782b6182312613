package node

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/plain/mdns"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Plain peers: the seed's programs and whoever speaks lines (package plain). Nothing that they say is a
// record, and all that is said to them is in clear: so nothing goes to them, and nothing of theirs is
// shown, under secure-only; and nothing goes to them before the room's policy is known.

const (
	maxHeld     = 256             // lines that wait for the policy to be known
	surveyEvery = 5 * time.Second // one's own networks, which are "lan"
	plainLeave  = time.Second     // of the goodbye
	// aliveLine is how old a line may be that came by catching up and is still written to guests: it was
	// overtaken on its way, and isn't of the past.
	aliveLine = 10 * time.Second
)

// startPlain makes what talks to plain peers. The port gives it the connections in cleartext.
func (n *Node) startPlain() {
	n.face.Store(&plain.Self{ID: n.cfg.Identity.Key().ID().String(), Name: n.name, Port: n.port})
	n.remute()
	n.survey()
	n.plain = plain.New(n.group, plain.Config{
		Identity: n.cfg.Identity, Self: func() plain.Self { return *n.face.Load() }, Dial: n.cfg.Network.DialContext,
		Allowed: n.plainAt, IsNative: n.isNative, MuteReason: func() string { return *n.muted.Load() },
		OmitName: n.twoOfUs, Reached: n.reachedPlain, Handler: plainHandler{n}, Log: n.cfg.Log,
	})
}

// startMDNS announces and looks where discovery does.
func (n *Node) startMDNS() {
	udp, real := n.udp.(discovery.Inspector)
	if n.cfg.NoMDNS || n.cfg.PlainPeers == plain.ScopeOff || !real {
		return
	}
	key := n.cfg.Identity.Key()
	n.mdns = mdns.Start(n.group, mdns.Config{
		Self: func() mdns.Self {
			me := n.face.Load()
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
			case n.plainAt(at.Addr()):
				n.plain.HandleFound(d, at)
			}
		},
		Log: n.cfg.Log,
	})
}

// sightedPlain takes what a seed's program sent by UDP.
func (n *Node) sightedPlain(s discovery.Announcement) {
	switch {
	case !n.plainAt(s.Source.Addr()):
	case s.Kind == discovery.Heartbeat:
		n.plain.HandleHeartbeat(s.ID, s.Source)
	case s.Kind == discovery.Announce:
		n.plain.HandleBeacon(s.Discovery, s.Source)
	}
}

// leavePlain says goodbye to plain peers. The port must still be open: silent line clients would be cut
// with it.
func (n *Node) leavePlain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, plainLeave)
	defer cancel()
	n.plain.Leave(ctx)
	if n.mdns != nil {
		n.mdns.Leave()
	}
}

// plainAt reports whether plain peers are allowed at an address (--plain-peers).
func (n *Node) plainAt(a netip.Addr) bool {
	scope := n.cfg.PlainPeers
	if scope == "" {
		scope = plain.ScopeLAN
	}
	return scope.Allows(a, *n.networks.Load())
}

// survey looks which networks are one's own.
func (n *Node) survey() {
	own := iface.Networks() // if there are none, private and link-local addresses still count
	n.networks.Store(&own)
	n.surveyed = time.Now()
}

// isNative reports whether an id or an address is that of a peer that was linked, or one's own: nothing in
// clear goes there.
func (n *Node) isNative(id string, at netip.AddrPort) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.known(id) || at.IsValid() && n.nativeAt(at)
}

// known reports whether an id is one's own or a native peer's. Called with mu held.
func (n *Node) known(id string) bool {
	if id == n.face.Load().ID {
		return true
	}
	for _, p := range n.peers {
		if p.ID == id {
			return true
		}
	}
	return false
}

// nativeAt: another program may take the address of a peer that left. Called with mu held.
func (n *Node) nativeAt(at netip.AddrPort) bool {
	for _, p := range n.peers {
		here := p.link != nil || p.State == event.Lost && time.Since(p.lostAt) < lostFor
		if here && p.Addr.Port() == at.Port() && p.Addr.Addr().Unmap() == at.Addr().Unmap() {
			return true
		}
	}
	return false
}

// remute notes why nothing may be said in clear, where plain reads it without mu. Called with mu held, or
// before anybody else has the node.
func (n *Node) remute() {
	why := ""
	if n.box.Policy().SecureOnly {
		why = "unsigned lines refused · policy " + n.policy().Label
	}
	n.muted.Store(&why)
	n.enforce = true
	n.soon()
}

// enforcePlain asks again who may be spoken to in clear, if the answers may have changed. Called without
// mu.
func (n *Node) enforcePlain() {
	n.mu.Lock()
	due := n.enforce
	n.enforce = false
	n.mu.Unlock()
	if due {
		n.plain.Enforce()
	}
}

// clearly does what sends something in clear: now, or once the policy is known, or not at all. It returns
// what send did, if now. Called with mu held, as send is.
func (n *Node) clearly(send func() int) int {
	switch err := n.mayClear(); {
	case err == nil:
		return send()
	case errors.Is(err, errGate) && len(n.held) < maxHeld:
		n.held = append(n.held, send)
	}
	return 0
}

// openGate: the policy is known. Called with mu held.
func (n *Node) openGate() {
	n.gate = true
	held := n.held
	n.held = nil
	for _, send := range held {
		if n.mayClear() == nil {
			send()
		}
	}
}

// twoOfUs reports whether one's lines go without one's name: to an only peer. Called with mu held.
func (n *Node) twoOfUs() bool { return n.cfg.Bare && len(n.here) == 0 && len(n.plain.Peers()) == 1 }

// overhear writes what somebody said to one's guests. Called with mu held.
func (n *Node) overhear(l event.Line) {
	if l.Own || l.History && time.Since(l.Time) > aliveLine {
		return
	}
	n.clearly(func() int {
		n.plain.WriteToLineClients(l.FromName, spoken(l))
		return 0
	})
}

// spoken is a line's text as plain peers get it.
func spoken(l event.Line) string {
	if l.Me {
		return "* " + l.Text
	}
	return l.Text
}

// plainPeers are those that are there. Called with mu held.
func (n *Node) plainPeers() []event.Peer {
	peers := n.plain.Peers()
	for i := range peers {
		peers[i].Ignored = n.plainIgnored[peers[i].ID]
	}
	return peers
}

// silenced is how many plain peers a draft would silence. Called with mu held.
func (n *Node) silenced(w vote.Draft) int {
	if w.Slot != vote.SecureOnly || w.Action != vote.On {
		return 0
	}
	return len(n.plain.Peers())
}

// alias is an id to show a line under that came in clear: never one's own or a native peer's, whatever it
// claims. Called with mu held.
func (n *Node) alias(id string) string {
	const longest = 64
	if len(id) > longest || n.known(id) {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte("plain:"+id)).String()
	}
	return id
}

// reachedPlain is of plain.Config.
func (n *Node) reachedPlain(addr string) {
	n.mu.Lock()
	delete(n.quiet, addr)
	n.mu.Unlock()
	if n.cfg.Reached != nil {
		n.cfg.Reached(addr)
	}
}

// reached is of mesh.Config.
func (n *Node) reached(addr string, key identity.Key) {
	n.mu.Lock()
	n.reachedAt[addr] = key
	n.mu.Unlock()
	n.reachedPlain(addr)
}

// ignorePlain is Ignore for a plain peer; false if that is none. The profile doesn't remember it: a plain
// program has another id at each of its starts.
func (n *Node) ignorePlain(id string, on bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.plain.Peers() {
		if p.ID == id && !n.known(id) {
			n.plainIgnored[id] = on
			p.Ignored = on
			n.events.Post(event.PeerChanged{Peer: p})
			return true
		}
	}
	return false
}
