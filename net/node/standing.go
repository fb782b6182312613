package node

import (
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// countLinksEvery is how often the time of present links is counted and remembered.
const countLinksEvery = time.Minute

// openStanding makes what decides about keys' standing, with what the profile remembers.
func (n *Node) openStanding() {
	cfg := standing.Config{Self: n.cfg.Identity.Key(), Now: time.Now, Mark: func(identity.Key) standing.Mark { return standing.Unmarked }}
	if n.cfg.Known != nil {
		cfg.Mark, cfg.Remembered = n.cfg.Known.Mark, n.cfg.Known.Links()
	}
	n.standing, n.linksCounted = standing.NewRegistry(cfg), time.Now()
}

// sourceOf returns the source of an address (see package standing).
func (n *Node) sourceOf(addr netip.Addr) standing.Source {
	return standing.SourceOf(addr, func(a netip.Addr) bool {
		own := n.cleartext.networks.Load()
		return own != nil && slices.ContainsFunc(*own, func(p netip.Prefix) bool { return p.Addr() == a })
	})
}

// countLinks counts the time of present links every minute, and has it remembered. The ticker calls it.
func (n *Node) countLinks() {
	if time.Since(n.linksCounted) < countLinksEvery {
		return
	}
	n.linksCounted = time.Now()
	n.standing.Tick()
	n.rememberLinks()
}

// rememberLinks hands what is known of keys' links to the profile.
func (n *Node) rememberLinks() {
	if n.cfg.Known == nil {
		return
	}
	if links, changed := n.standing.Remembered(); changed {
		n.cfg.Known.RememberLinks(links)
	}
}

// Trust says that the user trusts the peer with that uuid, or does so no more.
func (n *Node) Trust(id string, on bool) error {
	return n.remember(id, func(*peer) {}, func(known Known, key identity.Key) error {
		err := known.SetTrusted(key, on)
		n.postPeer(key) // its standing has changed
		return err
	})
}

// postPeer posts a peer as it is now.
func (n *Node) postPeer(key identity.Key) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.mu.peers[key]; p != nil {
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
	}
}
