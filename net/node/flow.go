package node

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/standing"
)

// Kinds of groups of flows (see package fair): what a peer says itself on its link, and what comes from peers that have
// no key.
const (
	peersOwn      = "own"
	cleartextFlow = "cleartext"
)

// flowOf returns whose work a record of an author is that a peer handed on: the author's, who shares with all keys of
// the same source. The rank is the author's standing.
func (p *standings) flowOf(author, via identity.Key) (of fair.Flow, rank int) {
	from := p.Source(author, via).Shared()
	return fair.Flow{Group: fair.Group{From: from.Prefix()}, Key: author}, int(p.Level(author))
}

// flowOnLink returns whose work a record is among those that wait on via's link. There, via's own are a group by
// themselves.
func (p *standings) flowOnLink(author, via identity.Key) (of fair.Flow, rank int) {
	of, rank = p.flowOf(author, via)
	if author == via {
		of.Group = fair.Group{Kind: peersOwn}
	}
	return of, rank
}

// isPaced reports whether the reader of a peer's link rests while the peer floods: if the peer isn't known, and someone
// else is here who would have to wait.
func (n *Node) isPaced(peer identity.Key) bool {
	n.mu.Lock()
	others := len(n.mu.linked) > 1
	n.mu.Unlock()
	return (others || n.cleartext.CountPlainPeers() > 0) && n.standings.Level(peer) != standing.Known
}
