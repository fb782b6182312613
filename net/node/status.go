package node

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
)

// Self returns who and where this node is.
func (n *Node) Self() event.Self {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.selfLocked()
}

func (n *Node) selfLocked() event.Self {
	key := n.cfg.Identity.Key()
	return event.Self{ID: key.ID().String(), Key: key, Name: n.mu.name, Room: n.cfg.Room, Port: n.port,
		Fingerprint: key.Fingerprint(), Profile: n.cfg.Profile, Started: n.started}
}

// Peers returns all peers of this run: those that are here first, then by name.
func (n *Node) Peers() []event.Peer {
	out := n.cleartext.peers()
	n.mu.Lock()
	for _, p := range n.mu.peers {
		out = append(out, n.nowLocked(p))
	}
	n.mu.Unlock()
	rank := map[event.State]int{event.Up: 0, event.Late: 0, event.Relayed: 0, event.Lost: 1, event.Left: 2}
	slices.SortFunc(out, func(a, b event.Peer) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// Status returns the answer to /status.
func (n *Node) Status() event.Status {
	s := n.Replica.Status()
	s.Up, s.Links, s.Discovery = time.Since(n.started), len(n.mesh.Links()), n.finder.udp != nil
	n.mu.Lock()
	defer n.mu.Unlock()
	s.Self, s.Peers, s.Dropped, s.Network = n.selfLocked(), len(n.mu.linked), maps.Clone(n.mu.refused), n.mu.network
	for _, p := range n.mu.peers {
		now := n.nowLocked(p)
		s.In, s.Out = s.In+now.In, s.Out+now.Out
	}
	for _, p := range n.cleartext.plain.Peers() {
		s.Plain++
		s.In, s.Out = s.In+p.In, s.Out+p.Out
	}
	return s
}
