package node

import (
	"errors"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/mesh"
	"chat.lan/p2pchat/net/wire"
)

// In a room of more people than links, a peer can be here without a link to us: messages go through others. People see
// it as relayed. A neighbour must say that it is linked to the peer, or the peer must announce itself: it may be three
// links away. We must also know by ourselves that the peer exists: it was linked here before in this run, or a record of
// its own has just come. So a lie shows at most maxRelayed people that don't exist.

const (
	// relayedAfter is how long a lost peer stays lost though a neighbour is linked to it: most are linked again soon.
	relayedAfter = 20 * time.Second
	// relayedUnheard is how long a relayed peer stays that no neighbour names. Peers announce themselves every 30 s or
	// more often.
	relayedUnheard = time.Minute
	// maxRelayed is how many peers that were never linked here are shown.
	maxRelayed = 128
)

// relayed follows which peers are here without a link to us.
type relayed struct{ n *Node }

// stateAfter returns the state of a peer whose last link ended.
func stateAfter(why error) event.State {
	var bye *link.ByeError
	isBye := errors.As(why, &bye)
	switch {
	case errors.Is(why, mesh.ErrGavePlace), isBye && (bye.Reason == wire.ByeRoom || bye.Reason == wire.ByeFull):
		return event.Relayed
	case why == nil, isBye && bye.Reason == wire.ByeLeaving:
		return event.Left
	}
	return event.Lost
}

// isNear reports whether a neighbour is linked to a peer, or the peer has announced itself.
func (r relayed) isNear(key identity.Key) bool {
	return r.n.mesh.IsNeighbours(key) || time.Since(r.n.mesh.LastHeard(key)) < relayedUnheard
}

// update follows which peers without a link are reached through others. The ticker calls it.
func (r relayed) update() {
	n := r.n
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.mu.peers {
		switch {
		case p.link != nil:
			continue
		case p.State == event.Relayed && !r.isNear(p.Key):
			p.State = event.Left
		case p.State == event.Lost && time.Since(p.lostAt) >= relayedAfter && n.mesh.IsNeighbours(p.Key):
			p.State = event.Relayed
		default:
			continue
		}
		p.Changed = time.Now()
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
	}
}

// noteAuthor shows the author of a live message that was never linked here.
func (r relayed) noteAuthor(l event.Line) {
	n := r.n
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.mu.peers[l.From]
	switch {
	case p != nil && (p.link != nil || p.State == event.Relayed): // as mostly: this is asked for each message
		return
	case l.History || l.Own || l.From.IsZero() || n.mu.closed || !r.isNear(l.From):
		return
	case p == nil:
		relayed := 0
		for _, other := range n.mu.peers {
			if other.State == event.Relayed && other.Agent == "" {
				relayed++
			}
		}
		if relayed >= maxRelayed {
			return
		}
		n.forgetPeerLocked()
		p = &peer{Peer: event.Peer{ID: l.FromID, Key: l.From, Kind: event.KindNative, Name: l.FromName}}
		if n.cfg.Known != nil {
			p.Verified, p.Ignored = n.cfg.Known.Verified(p.Key), n.cfg.Known.Ignored(p.ID)
		}
		n.mu.peers[l.From] = p
	}
	now := time.Now()
	p.State, p.Changed, p.lostAt = event.Relayed, now, now
	if p.Since.IsZero() {
		p.Since = now
	}
	n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)})
}
