package node

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/mesh"
	"chat.lan/p2pchat/net/wire"
)

// maxPeers bounds the peers of this run that are remembered, linked or not: a new key costs nothing.
const maxPeers = 1024

// peer is a key that was linked in this run, without what it holds of a room. It is guarded by Node.mu.
type peer struct {
	event.Peer
	link   *link.Link // nil: none is up
	posted int64      // bytes on its link when its numbers were last posted
	stuck  bool       // its link took no cleartext for a while
	lostAt time.Time
	forged []time.Time // when it sent forgeries, the last seconds'
	exchanged

	inst    string      // names its run
	started int64       // ms, by its clock
	claim   string      // see nameClaim
	claimOf string      // the name that it is of
	namedAt record.Time // time of the record that named it; zero: its Hello did
}

// nowLocked returns a peer with its standing and the numbers of its link.
func (n *Node) nowLocked(p *peer) event.Peer {
	out := p.Peer
	out.Standing = event.Standing(n.standings.Level(p.Key).String())
	if p.link != nil {
		in, sent := p.link.Bytes()
		out.In, out.Out, out.RTT = out.In+in, out.Out+sent, p.link.RTT()
	}
	return out
}

// peerOfLocked returns the peer whose present link this is, or nil.
func (n *Node) peerOfLocked(l *link.Link) *peer {
	if p := n.mu.peers[l.Key()]; p != nil && p.link == l {
		return p
	}
	return nil
}

// Up implements mesh.Handler.
func (n *Node) Up(l *link.Link) {
	<-n.ready
	var linkUp []func() // the disk is waited for before anyone hears of the peer
	for _, in := range l.Hello().Rooms {
		if r := n.rooms[in.Room]; r != nil {
			linkUp = append(linkUp, r.PrepareLink(l, in))
		}
	}
	n.addLink(l)
	for _, f := range linkUp {
		f()
	}
	if n.finder.service != nil {
		n.finder.service.SetPeers(len(n.mesh.Links())) // they share the air
	}
}

// addLink notes a link, and posts its peer when that has come or changed.
func (n *Node) addLink(l *link.Link) {
	n.standings.LinkUp(l.Key(), n.standings.sourceOf(l.RemoteAddr().Addr()))
	n.mu.Lock()
	defer n.mu.Unlock()
	h, key := l.Hello(), l.Key()
	p := n.mu.peers[key]
	if p == nil {
		n.forgetPeerLocked()
		p = &peer{Peer: event.Peer{ID: key.ID().String(), Key: key, Kind: event.KindNative}}
		n.mu.peers[key] = p
	}
	now := time.Now()
	if p.link == nil {
		n.mu.linked = append(n.mu.linked, p)
		p.Since = now
	}
	p.link, p.posted, p.stuck, p.exchanged = l, 0, false, exchanged{}
	before, at := p.Name, p.Addr
	p.takeHelloName(h)
	p.Agent = h.Agent
	p.Addr = l.RemoteAddr()
	if h.Port != 0 {
		p.Addr = netip.AddrPortFrom(p.Addr.Addr(), uint16(h.Port))
	}
	if n.cfg.Known != nil {
		p.Verified, p.Ignored = n.cfg.Known.Verified(key), n.cfg.Known.Ignored(p.ID)
	}
	renamed := ""
	if p.Name != before {
		renamed = before // "" if the peer is new
	}
	if p.State != event.Up || renamed != "" || p.Addr != at {
		p.State, p.Changed = event.Up, now
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p), Renamed: renamed})
		n.warnOtherKeyLocked(p)
	}
	n.cleartext.onNativeLinked(slices.ContainsFunc(h.Rooms, func(in wire.InRoom) bool { return in.Room == n.Replica.ID() }))
	n.exchange.onChangeLocked(key, false)
}

// forgetPeerLocked makes room for another peer: the one that was lost first goes.
func (n *Node) forgetPeerLocked() {
	if len(n.mu.peers) < maxPeers {
		return
	}
	var oldest *peer
	for _, p := range n.mu.peers {
		if p.link == nil && (oldest == nil || p.lostAt.Before(oldest.lostAt)) {
			oldest = p
		}
	}
	if oldest == nil {
		return
	}
	if oldest.Present() { // relayed
		oldest.State, oldest.Changed = event.Left, time.Now()
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(oldest)})
	}
	delete(n.mu.peers, oldest.Key)
}

// Down implements mesh.Handler.
func (n *Node) Down(l *link.Link, why error, last bool) {
	var bye *link.ByeError
	isBye := errors.As(why, &bye)
	if isBye && bye.Reason == wire.ByeReplaced {
		n.copies.onReplaced(l, n.nameOf(l.Key()))
	}
	if isBye && bye.Reason == wire.ByeRoom {
		n.takeContacts(l, bye.Peers)
	}
	n.cfg.Log.Info("link down", "peer", l.Key().Short(), "why", why)
	if last {
		for _, r := range n.rooms {
			r.LinkDown(l)
		}
	}
	n.removeLink(l, last, stateAfter(why))
}

// removeLink notes that a link is down. last: it was the only one of its peer, whose state follows.
func (n *Node) removeLink(l *link.Link, last bool, after event.State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case n.linkDown <- struct{}{}:
	default:
	}
	p := n.mu.peers[l.Key()]
	if p == nil {
		return
	}
	in, out := l.Bytes()
	p.In, p.Out = p.In+in, p.Out+out
	if !last || p.link != l {
		return
	}
	n.mu.linked = slices.DeleteFunc(n.mu.linked, func(q *peer) bool { return q == p })
	n.standings.LinkDown(p.Key)
	p.link, p.lostAt = nil, time.Now()
	p.State, p.Changed = after, p.lostAt
	if !n.mu.closed { // else it is we who leave
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
	}
	n.exchange.onChangeLocked(p.Key, true)
}

// State implements mesh.Handler.
func (n *Node) State(l *link.Link, late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peerOfLocked(l)
	if p == nil {
		return
	}
	p.State, p.Changed = event.Up, time.Now()
	if late {
		p.State = event.Late
	}
	n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
}

// Trouble implements mesh.Handler.
func (n *Node) Trouble(addr string, err error) {
	hint := "it is tried again for ever; is p2pchat running there?"
	var bye *link.ByeError
	switch {
	case errors.As(err, &bye):
		warnRefused(n, addr, bye.Reason)
		return
	case errors.Is(err, mesh.ErrFull):
		hint = "/disconnect NAME makes room for it"
	case errors.Is(err, link.ErrWrongKey):
		// An old address that another peer has now, or a proxy that listens in: nothing was sent to it.
		n.mu.Lock()
		defer n.mu.Unlock()
		n.refuseLocked(event.Scope{}, addr, "it answers with another key than was announced")
		return
	case errors.Is(err, link.ErrOwnKey):
		hint = "that is yourself: name another address"
	case errors.Is(err, link.ErrNotTLS), errors.Is(err, link.ErrTLS):
		hint = "if that isn't p2pchat: name it " + lineScheme + addr + " if it speaks lines, as nc does, or " + jsonScheme + addr + " if it is a seed's program"
	}
	n.warnCantConnect(addr, err, hint)
}

// findPeerLocked returns the native peer with that uuid, or nil.
func (n *Node) findPeerLocked(id string) *peer {
	for _, p := range n.mu.peers {
		if p.ID == id {
			return p
		}
	}
	return nil
}
