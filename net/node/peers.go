package node

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// peer is a key that was linked in this run. Guarded by Node.mu.
type peer struct {
	event.Peer
	link     *link.Link            // nil: none is up
	behind   bool                  // its live queue was full: it pulls until it is level
	links    map[identity.Key]bool // whom it says it is linked to
	has      uint64                // acknowledged of our own feed, as seq+1
	owed     map[room.FeedKey]bool // feeds whose records it sent live and that wait for a Have
	page     []room.Holding        // of a Frontier that is not complete
	unequal  int                   // pings in a row whose hash differed
	lostAt   time.Time
	greeting bool // its name was posted
}

// Up is of mesh.Handler.
func (n *Node) Up(l *link.Link) {
	<-n.ready
	h := l.Hello()
	key := l.Key()
	n.mu.Lock()
	p := n.peers[key]
	if p == nil {
		p = &peer{Peer: event.Peer{ID: key.ID().String(), Key: key, Kind: event.KindNative}}
		n.peers[key] = p
	}
	wasUp := p.link != nil
	p.link, p.behind, p.unequal, p.page = l, false, 0, nil
	p.links, p.owed = map[identity.Key]bool{}, map[room.FeedKey]bool{}
	name := h.Name
	if name == "" {
		name = p.ID[:8]
	}
	renamed := ""
	if p.greeting && p.Name != name {
		renamed = p.Name
	}
	p.Name, p.Agent = name, h.Agent
	at := p.Addr
	if addr := l.RemoteAddr(); h.Port != 0 {
		p.Addr = netip.AddrPortFrom(addr.Addr(), uint16(h.Port))
	} else {
		p.Addr = addr
	}
	if n.cfg.Known != nil {
		p.Verified, p.Ignored = n.cfg.Known.Verified(key), n.cfg.Known.Ignored(p.ID)
	}
	now := time.Now()
	if !wasUp {
		p.Since = now
	}
	if p.State != event.Up || !p.greeting || renamed != "" || p.Addr != at {
		p.State, p.Changed, p.greeting = event.Up, now, true
		n.out.post(event.PeerChanged{Peer: p.Peer, Renamed: renamed})
	}
	n.introduce()
	if frontierOf(h, n.room.ID().String()) != n.room.Hash() {
		n.tellFrontier(p, true)
	}
	n.wake()
	n.mu.Unlock()
	if n.cfg.Known != nil {
		if before, other := n.cfg.Known.Seen(name, key); other {
			n.notice(event.Warning, fmt.Sprintf("this %s (%s) is not the %s you met before (%s): another person, or a new key", name, key.Short(), name, before.Short()),
				"compare words with /verify "+name)
		}
	}
	n.crowd()
}

func frontierOf(h wire.Hello, id string) string {
	for _, r := range h.Rooms {
		if r.Room == id {
			return r.Frontier
		}
	}
	return ""
}

// Down is of mesh.Handler.
func (n *Node) Down(l *link.Link, why error, last bool) {
	var bye *link.ByeError
	isBye := errors.As(why, &bye)
	if isBye && bye.Reason == wire.ByeReplaced {
		n.notice(event.Error, "this profile was started elsewhere, and that one goes on", "end one of the two, or give it a profile of its own with --profile")
	}
	n.cfg.Log.Info("link down", "peer", l.Key().Short(), "why", why)
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[l.Key()]
	if p == nil || !last || p.link != l {
		n.wake()
		return
	}
	in, out := l.Bytes()
	p.In, p.Out = p.In+in, p.Out+out
	p.link, p.behind, p.lostAt = nil, false, time.Now()
	p.State, p.Changed = event.Lost, time.Now()
	if why == nil || isBye && bye.Reason == wire.ByeLeaving {
		p.State = event.Left
	}
	n.planner.Gone(l.Key())
	if !n.closed { // else it is us who leave
		n.out.post(event.PeerChanged{Peer: p.Peer})
	}
	n.introduce()
	n.wake()
}

// State is of mesh.Handler.
func (n *Node) State(l *link.Link, late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[l.Key()]
	if p == nil || p.link != l {
		return
	}
	p.State, p.Changed = event.Up, time.Now()
	if late {
		p.State = event.Late
	}
	n.out.post(event.PeerChanged{Peer: p.Peer})
}

// Trouble is of mesh.Handler.
func (n *Node) Trouble(addr string, err error) {
	hint := "it is tried again for ever; is p2pchat running there?"
	switch {
	case errors.Is(err, link.ErrWrongKey):
		// An old address that somebody else has now, or a proxy that listens in: nothing was said to it.
		n.mu.Lock()
		defer n.mu.Unlock()
		reason := "it answers with another key than was announced"
		n.refused[reason]++
		n.out.post(event.Refused{From: addr, Reason: reason, Count: n.refused[reason]})
		return
	case errors.Is(err, link.ErrOwnKey):
		hint = "that is yourself: name another address"
	case errors.Is(err, link.ErrNotTLS):
		hint = "another program listens there"
	}
	n.notice(event.Warning, "can't connect to "+addr+": "+err.Error(), hint)
}

// Refused is of mesh.Handler.
func (n *Node) Refused(l *link.Link, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refused[reason]++
	from := l.RemoteAddr().String()
	if p := n.peers[l.Key()]; p != nil {
		from = p.Name
	}
	n.out.post(event.Refused{From: from, Reason: reason, Count: n.refused[reason]})
}

// Self is who and where this node is.
func (n *Node) Self() event.Self {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.self()
}

func (n *Node) self() event.Self {
	key := n.cfg.Identity.Key()
	return event.Self{ID: key.ID().String(), Key: key, Name: n.name, Room: n.cfg.Room, Port: n.port,
		Fingerprint: key.Fingerprint(), Profile: n.cfg.Profile, Started: n.started}
}

// Peers are all peers of this run: those that are there first, then by name.
func (n *Node) Peers() []event.Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]event.Peer, 0, len(n.peers))
	for _, p := range n.peers {
		out = append(out, p.now())
	}
	rank := map[event.State]int{event.Up: 0, event.Late: 0, event.Lost: 1, event.Left: 2}
	slices.SortFunc(out, func(a, b event.Peer) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// now is the peer with the numbers of its link. Called with Node.mu held.
func (p *peer) now() event.Peer {
	out := p.Peer
	if p.link != nil {
		in, sent := p.link.Bytes()
		out.In, out.Out, out.RTT = out.In+in, out.Out+sent, p.link.RTT()
	}
	return out
}

// Status is the answer to /status.
func (n *Node) Status() event.Status {
	links := len(n.mesh.Links())
	n.mu.Lock()
	defer n.mu.Unlock()
	s := event.Status{Self: n.self(), Up: time.Since(n.started), Links: links, Records: n.room.Count(),
		Dropped: map[string]int{}, Network: n.network, Discovery: n.udp != nil}
	for reason, count := range n.refused {
		s.Dropped[reason] = count
	}
	for _, p := range n.peers {
		now := p.now()
		if p.link != nil {
			s.Peers++
		}
		s.In, s.Out = s.In+now.In, s.Out+now.Out
	}
	return s
}
