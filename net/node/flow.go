package node

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
)

// peersOwn and cleartextFlow are groups of flows (see package fair): what a peer says itself on its link, and what
// comes from peers that have no key.
type (
	peersOwn      struct{}
	cleartextFlow struct{}
)

// flowOf returns whose work a record of an author is that a peer handed on: the author's, who shares with all keys of
// the same source. The rank is the author's standing.
func (p *standings) flowOf(author, via identity.Key) (of fair.Flow, rank int) {
	return fair.Flow{Group: p.Source(author, via), Key: author}, int(p.Level(author))
}

// flowOnLink returns whose work a record is among those that wait on via's link. There, via's own are a group by
// themselves.
func (p *standings) flowOnLink(author, via identity.Key) (of fair.Flow, rank int) {
	of, rank = p.flowOf(author, via)
	if author == via {
		of.Group = peersOwn{}
	}
	return of, rank
}
