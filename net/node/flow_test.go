package node

import (
	"net/netip"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/standing"
)

// All keys of one address share what that address gets, also those that it only hands on. On a link, what its peer says
// itself is apart from what it hands on.
func TestFlowsAreOfSources(t *testing.T) {
	testIdentity := func(i byte) *identity.Identity { return identity.FromSeed([32]byte{i}) }
	n := &Node{cfg: Config{Identity: testIdentity(1)}}
	n.standings = newStandings(n)
	relay, neighbour, honest, stranger := testIdentity(2).Key(), testIdentity(3).Key(), testIdentity(4).Key(), testIdentity(5).Key()
	source := func(addr string) standing.Source { return standing.SourceOf(netip.MustParseAddr(addr), nil) }
	n.standings.LinkUp(relay, source("10.0.0.9"))
	n.standings.LinkUp(neighbour, source("10.0.0.9"))
	n.standings.LinkUp(honest, source("10.0.0.4"))

	flow := func(author, via byte) fair.Group {
		of, rank := n.standings.flowOf(testIdentity(author).Key(), testIdentity(via).Key())
		if of.Key != testIdentity(author).Key() || rank != int(standing.Heard) {
			t.Errorf("author %d via %d: %+v, rank %d", author, via, of, rank)
		}
		return of.Group
	}
	attacker := flow(2, 2)
	if flow(3, 3) != attacker || flow(5, 2) != attacker || flow(4, 2) == attacker {
		t.Error("groups aren't sources")
	}
	own, _ := n.standings.flowOnLink(relay, relay)
	handed, _ := n.standings.flowOnLink(stranger, relay)
	handedToo, _ := n.standings.flowOnLink(neighbour, relay)
	if own.Group == handed.Group || handed.Group != handedToo.Group || own.Key != relay {
		t.Errorf("on its link: own %+v, handed on %+v", own, handed)
	}
	if of, rank := n.standings.flowOf(n.cfg.Identity.Key(), relay); rank != int(standing.Known) || of.Group.From != standing.Machine.Prefix() {
		t.Errorf("our own is %+v, rank %d", of, rank)
	}
}
