package node

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// Known is what a profile remembers of others; net/profile has one. Safe for concurrent use.
type Known interface {
	NoteName(name string, key identity.Key, level standing.Level, from standing.Source) (before identity.Key, known bool)
	Lookalikes(name string) map[identity.Key]string // the keys under a name that could be taken for this name
	Verified(key identity.Key) bool
	SetVerified(key identity.Key, on bool) error
	Ignored(id string) bool
	SetIgnored(id string, on bool) error
	SetTrusted(key identity.Key, on bool) error
	Mark(key identity.Key) standing.Mark
	Links() map[identity.Key]standing.Links
	RememberLinks(map[identity.Key]standing.Links)
}

// Ignore hides the messages of the peer with that uuid, or shows them again.
func (n *Node) Ignore(id string, on bool) error {
	if n.cleartext.ignore(id, on) {
		return nil
	}
	return n.remember(id, func(p *peer) { p.Ignored = on }, func(known Known, _ identity.Key) error { return known.SetIgnored(id, on) })
}

// Verify remembers whether the words of the peer with that uuid were compared.
func (n *Node) Verify(id string, on bool) error {
	return n.remember(id, func(p *peer) { p.Verified = on }, func(known Known, key identity.Key) error { return known.SetVerified(key, on) })
}

// remember changes a peer, and what the profile remembers of it, which waits for the disk.
func (n *Node) remember(id string, change func(*peer), save func(Known, identity.Key) error) error {
	n.mu.Lock()
	p := n.findPeerLocked(id)
	if p != nil && n.cfg.Known != nil {
		change(p)
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
	}
	n.mu.Unlock()
	switch {
	case p == nil:
		return errNoSuchPeer(id)
	case n.cfg.Known == nil:
		return errors.New("nothing is remembered without a profile: start with --profile")
	}
	err := save(n.cfg.Known, p.Key)
	n.cleartext.onMarked(p)
	return err
}

func errNoSuchPeer(id string) error {
	return fmt.Errorf("no one here has the id %s: /list shows who is there", id)
}
