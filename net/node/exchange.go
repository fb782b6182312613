package node

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Every peer notifies every other of its links. In a room of n peers a start would cost n³ keys for each change, so a
// link gets the whole list once and then only what has changed. Addresses go only to a peer that seems to lack them:
// most peers find each other by themselves.

// Bounds of the exchange.
const (
	maxContacts    = 50               // peers in a Peers frame (see package wire)
	maxNeighbours  = 256              // keys that are remembered of a peer's Links: twice as many as there can be
	gatherPerLink  = time.Second / 16 // links that have come are gathered for so long for each link …
	gatherMost     = 3 * time.Second  // … up to this. A link that has gone is said within a second
	fewNeighbours  = 3                // a peer that names no more links hears of all others at once
	manyCame       = 3                // after so many new links it hears of someContacts first: all may find each other
	someContacts   = 2                // peers that any other peer hears of at a time, chosen at random: others tell it more
	contactRefresh = time.Minute      // before a peer hears of another again
)

// exchange notifies peers of our links and of where others listen. Node.mu guards its state.
type exchange struct{ n *Node }

// exchanging is what Node.mu guards of an exchange.
type exchanging struct {
	dirty       bool            // neighbours must hear which peers are linked
	lost        bool            // one of the changes is a link that has gone
	came        int             // links that have come since changes were sent last
	said        identity.KeySet // the links that all peers with saidLinks have heard of
	contactsDue bool            // the next flush looks who lacks a peer: until then more Links may come
	contactsAt  time.Time       // when all links were last looked at for that
	flushedAt   time.Time       // when changes were sent last
}

// exchanged is what belongs to one link; it goes with it.
type exchanged struct {
	neighbours identity.KeySet            // keys that the peer says it is linked to
	hasLinks   bool                       // the peer has said its Links
	saidLinks  bool                       // the peer has heard of exchanging.said
	toldOf     map[identity.Key]time.Time // peers that are linked, and when this one heard where they listen
}

// onChangeLocked follows the link of a peer: it has come, or gone.
func (x *exchange) onChangeLocked(key identity.Key, gone bool) {
	for _, p := range x.n.mu.linked {
		delete(p.toldOf, key)
	}
	state := &x.n.mu.exchange
	state.dirty, state.lost = true, state.lost || gone
	if !gone {
		state.came++
	}
	x.n.scheduleFlush()
}

// flush sends what was gathered. second says that everySecond calls it. Changes wait gatherPerLink for each link since the
// last ones went out, at most gatherMost.
func (x *exchange) flush(second bool) {
	n := x.n
	n.mu.Lock()
	defer n.mu.Unlock()
	state := &n.mu.exchange
	gather := min(gatherPerLink*time.Duration(len(n.mu.linked)), gatherMost)
	if state.said != nil && time.Since(state.flushedAt) < gather && !(second && state.lost) {
		x.sendLinksLocked(wire.Links{})
		return
	}
	contacts := state.contactsDue || second && !state.dirty && time.Since(state.contactsAt) >= contactRefresh
	if state.contactsDue = state.dirty; state.dirty {
		state.dirty, state.lost, state.came, state.flushedAt = false, false, 0, time.Now()
		x.sendLinksLocked(x.changesLocked())
		n.scheduleFlush()
	}
	if contacts {
		state.contactsAt, state.flushedAt = time.Now(), time.Now()
		for _, p := range n.mu.linked {
			x.sendContactsLocked(p)
		}
	}
}

// changesLocked returns how our links have changed since it was called last.
func (x *exchange) changesLocked() wire.Links {
	keys := make([]identity.Key, len(x.n.mu.linked))
	for i, p := range x.n.mu.linked {
		keys[i] = p.Key
	}
	said, now := x.n.mu.exchange.said, identity.NewKeySet(keys...)
	x.n.mu.exchange.said = now
	return wire.Links{Add: now.Minus(said), Drop: said.Minus(now)}
}

// sendLinksLocked sends new links the whole list, without later changes, and the others the changes, if there are any.
func (x *exchange) sendLinksLocked(changes wire.Links) {
	n := x.n
	var full, change wire.Frame
	for _, p := range n.mu.linked {
		frame := &full
		switch {
		case !p.saidLinks:
		case !changes.IsChange():
			continue
		case p.link.Can(wire.CapLinks):
			frame = &change
		}
		if *frame == nil {
			m := changes
			if frame == &full {
				m = x.linksLocked()
			}
			if *frame = x.encode(m); *frame == nil {
				return
			}
		}
		if p.saidLinks = p.link.Control(*frame); !p.saidLinks {
			n.mu.exchange.dirty = true // for the next round: its queue is full, or it goes down
		}
	}
}

// linksLocked returns all links in full, as the last changes left them: later ones come as changes to this.
func (x *exchange) linksLocked() (m wire.Links) {
	for _, p := range x.n.mu.linked {
		if x.n.mu.exchange.said.Has(p.Key) {
			m.Links = append(m.Links, wire.Neighbour{Key: p.Key})
		}
	}
	return m
}

// encode returns a message as a frame, or logs why it can't and returns nil.
func (x *exchange) encode(m wire.Message) wire.Frame {
	f, err := wire.Encode(m)
	if err != nil {
		x.n.cfg.Log.Error("encode", "error", err)
	}
	return f
}

// takeLinks takes a peer's word for its links. The first time the peer hears of others in return.
func (x *exchange) takeLinks(l *link.Link, m wire.Links) {
	keys, ok := x.noteLinks(l, m)
	if !ok {
		return
	}
	for _, r := range x.n.rooms {
		r.SetNeighbours(l, keys)
	}
	x.n.mesh.SetNeighbours(l, keys)
}

// noteLinks remembers a peer's links. It reports whether they changed.
func (x *exchange) noteLinks(l *link.Link, m wire.Links) (keys identity.KeySet, changed bool) {
	x.n.mu.Lock()
	defer x.n.mu.Unlock()
	p := x.n.peerOfLocked(l)
	if p == nil {
		return nil, false
	}
	if keys, changed = applyLinks(p.neighbours, m); changed {
		p.neighbours = keys
		maps.DeleteFunc(p.toldOf, func(key identity.Key, _ time.Time) bool { return keys.Has(key) })
		if len(p.toldOf) == 0 {
			p.toldOf = nil // a map never shrinks
		}
	}
	if !p.hasLinks {
		p.hasLinks = true
		x.sendContactsLocked(p)
	}
	return keys, changed
}

// applyLinks returns what a Links frame makes of a peer's links.
func applyLinks(before identity.KeySet, m wire.Links) (after identity.KeySet, changed bool) {
	if !m.IsChange() {
		keys := make([]identity.Key, min(len(m.Links), maxNeighbours))
		for i := range keys {
			keys[i] = m.Links[i].Key
		}
		return identity.NewKeySet(keys...), true
	}
	isNew := func(key identity.Key) bool { return !before.Has(key) }
	if !slices.ContainsFunc(m.Add, isNew) && !slices.ContainsFunc(m.Drop, before.Has) {
		return before, false
	}
	after = before.Minus(identity.NewKeySet(m.Drop...))
	added := identity.NewKeySet(m.Add...).Minus(after)
	return identity.NewKeySet(append(after, added[:min(len(added), maxNeighbours-len(after))]...)...), true
}

// sendContactsLocked notifies a peer where those of our peers listen that it doesn't name as its own links.
func (x *exchange) sendContactsLocked(p *peer) {
	n, now := x.n, time.Now()
	limit := maxContacts
	if len(p.neighbours) > fewNeighbours || n.mu.exchange.came >= manyCame {
		limit = someContacts
	}
	var m wire.Peers
	for _, i := range rand.Perm(len(n.mu.linked)) {
		q := n.mu.linked[i]
		if at, told := p.toldOf[q.Key]; q == p || p.neighbours.Has(q.Key) || told && now.Sub(at) < contactRefresh || !q.isContact() {
			continue
		}
		if len(m.Peers) == limit {
			n.mu.exchange.contactsDue = true
			n.scheduleFlush()
			break
		}
		m.Peers = append(m.Peers, wire.Contact{Key: q.Key, Addrs: []string{q.Addr.String()}})
	}
	if len(m.Peers) == 0 {
		return
	}
	if f := x.encode(m); f == nil || !p.link.Control(f) {
		return
	}
	if p.toldOf == nil {
		p.toldOf = make(map[identity.Key]time.Time, len(m.Peers))
	}
	for _, c := range m.Peers {
		p.toldOf[c.Key] = now
	}
}

// isContact reports whether others can dial a peer where it listens.
func (p *peer) isContact() bool {
	return p.Addr.IsValid() && p.Addr.Addr().Zone() == "" && p.link.Hello().Port != 0
}
