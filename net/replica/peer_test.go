package replica

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// Peers without a link are remembered up to a bound: then the one that left first is forgotten, and never
// one that is linked.
func TestPeersAreBounded(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		stays := deadLink(testID(1).Key())
		a.PrepareLink(stays, wire.InRoom{Frontier: a.Hash()})()
		for i := range maxPeers + 10 {
			l := deadLink(testID(i + 2).Key())
			a.PrepareLink(l, wire.InRoom{Frontier: a.Hash()})()
			time.Sleep(time.Millisecond)
			a.LinkDown(l)
		}
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		peers := a.Replica.mu.peers
		if len(peers) != maxPeers || peers[stays.Key()] == nil {
			t.Errorf("%d peers are remembered, the linked one: %v", len(peers), peers[stays.Key()] != nil)
		}
		if peers[testID(2).Key()] != nil || peers[testID(12).Key()] != nil || peers[testID(13).Key()] == nil {
			t.Error("not those that left first were forgotten")
		}
	})
}

// A link replaces the one before of the same peer. The older link's end changes nothing.
func TestLinkReplaced(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		old := deadLink(b.key())
		a.PrepareLink(old, wire.InRoom{})()
		n.link(a, b)
		a.LinkDown(old)
		a.SetNeighbours(old, identity.NewKeySet(testID(50).Key()))
		n.say(a, "hello")
		pass(time.Second)
		n.expectHeard(b, "hello")
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
		if got := (around{a}).ListVoters(); len(got) != 2 {
			t.Errorf("%d voters", len(got))
		}
	})
}

// A peer whose hash equals ours is sent no frontier, and one with another hash is.
func TestLinkUpCompares(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.say(c, "new")
		n.link(a, c)
		pass(time.Second)
		if got := len(sent[wire.Frontier](a.links[b.key()])); got == 0 {
			t.Error("a neighbour doesn't hear of records that came by catching up")
		}
		n.expectHeard(a, "new")
		n.expectHeard(b, "new")
		n.unlink(a, b)
		n.link(a, b)
		if got := len(sent[wire.Frontier](a.links[b.key()])); got != 0 {
			t.Errorf("%d frontiers to a peer that is level", got)
		}
	})
}
