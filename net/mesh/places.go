package mesh

import (
	"cmp"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// While there are fewer links than MaxLinks, everyone gets a place. When there are as many, a peer that dials us gets
// one only if another gives its up. Package standing says which: heard keys before met ones, and of the source with the
// most links. Of one source no more than 8 come in then. A known key gives its place up to no one but another known one.
//
// A room of more people than links must stay one room. So a peer that says in its Hello that it has fewer than 2 links
// gets a place all the same. Of the source with most links, the peer that came last and isn't known gives its up.
// That is its own word, so it happens only once in 10 s for each source. What others say of their links chooses no one.
// A peer that says that it is in another partition of the room gets a place the same way (partition.go).
//
// A peer that gives up its place gets a Bye "room" with a few others that it can dial. It leaves us alone for a minute.

// Limits of places.
const (
	maxOfSource = 8                // links of one source, once there are MaxLinks; this machine's programs have no limit
	fewLinks    = 2                // a peer with fewer gets a place
	placeEvery  = 10 * time.Second // for a peer with few links, of each source
	maxPlaced   = 256              // sources that are remembered for placeEvery
	leftAlone   = time.Minute      // a peer that sent us away
)

// linkPlace is what decides whether a peer's link keeps its place. Mesh.mu guards it.
type linkPlace struct {
	since      time.Time       // when the link came up
	from       standing.Source // where it comes from
	givesPlace bool            // the peer was sent away, and counts no more; its link ends
	wasFull    bool            // the peer refused us, or sent us away, because it had no place
}

// newcomer is a peer that isn't linked, and dials us or was dialled by us.
type newcomer struct {
	key     identity.Key
	from    standing.Source
	hello   wire.Hello
	dialled bool // by us, to join its partition and ours
}

// hasFewLinks reports whether the peer says that it has few links. One of an earlier version doesn't say.
func (n newcomer) hasFewLinks() bool { return n.hello.Links != nil && *n.hello.Links < fewLinks }

// joins reports whether the peer says that it looks for other partitions of the room.
func (n newcomer) joins() bool { return n.hasFewLinks() && len(n.hello.Near) > 0 }

// isFullLocked reports whether one more link would be too many.
func (m *Mesh) isFullLocked() bool { return m.links >= m.maxLinks() }

func (m *Mesh) maxLinks() int { return cmp.Or(m.cfg.MaxLinks, MaxLinks) }

// placeForLocked finds out whether a peer may have a link. If another has to give up its place for that, it returns
// that one. It changes nothing but forgets what is too old.
func (m *Mesh) placeForLocked(n newcomer) (gives *peer, ok bool) {
	if !m.isFullLocked() {
		return nil, true
	}
	level, ofSource := m.cfg.Level(n.key), 0
	linked := m.linkedLocked()
	for _, p := range linked {
		if p.from == n.from {
			ofSource++
		}
	}
	crowded := ofSource >= maxOfSource && n.from != standing.Machine && level < standing.Known
	if gives = m.victimLocked(linked, level, n); gives != nil && !crowded {
		return gives, true
	}
	switch {
	case !n.dialled && (!n.hasFewLinks() || m.wasPlacedLocked(n.from)):
		return nil, false
	case (n.dialled || n.joins()) && !m.isApartLocked(n):
		return nil, false
	}
	gives = m.newestOfMostLocked(linked, level)
	return gives, gives != nil
}

// victimLocked returns the peer that gives its place up to a newcomer by standing and source, or nil.
func (m *Mesh) victimLocked(linked []*peer, level standing.Level, n newcomer) *peer {
	strangers := map[identity.Key]standing.Level{}
	for _, p := range linked {
		if l := m.cfg.Level(p.key); l < standing.Known {
			strangers[p.key] = l
		}
	}
	// One place less than there are links of strangers, or one more link: either way one of them is too many.
	limit := len(strangers)
	if level == standing.Known {
		limit--
	}
	places := standing.NewBudget[identity.Key](limit, limit)
	for _, p := range linked {
		if l, stranger := strangers[p.key]; stranger {
			places.Add(p.key, l, p.from, 1)
		}
	}
	if level < standing.Known {
		places.Add(n.key, level, n.from, 1)
	}
	victim, _ := places.Victim(n.key)
	return m.linkedPeerLocked(victim)
}

// newestOfMostLocked returns, of the source with most links, the peer that came last, or nil. It is one that a peer of
// this level may send away.
func (m *Mesh) newestOfMostLocked(linked []*peer, level standing.Level) *peer {
	linked = slices.DeleteFunc(slices.Clone(linked), func(p *peer) bool {
		return level < standing.Known && m.cfg.Level(p.key) == standing.Known
	})
	places := standing.NewBudget[identity.Key](len(linked)-1, len(linked)-1)
	for _, p := range linked {
		places.Add(p.key, standing.Heard, p.from, 1)
	}
	victim, _ := places.Victim(identity.Key{})
	return m.linkedPeerLocked(victim)
}

// linkedPeerLocked returns the peer of a key if it has a link.
func (m *Mesh) linkedPeerLocked(key identity.Key) *peer {
	if p := m.peers[key]; p != nil && p.up && !p.givesPlace {
		return p
	}
	return nil
}

// wasPlacedLocked reports whether a source got a place by its word less than placeEvery ago.
func (m *Mesh) wasPlacedLocked(from standing.Source) bool {
	now := time.Now()
	for s, at := range m.placed {
		if now.Sub(at) >= placeEvery {
			delete(m.placed, s)
		}
	}
	return len(m.placed) >= maxPlaced || !m.placed[from.Shared()].IsZero()
}

// linkedLocked returns the peers that have a link, in the order in which they came. Those whose link joined two
// partitions of the room stand first, as if they had come before the others.
func (m *Mesh) linkedLocked() []*peer {
	var linked []*peer
	for _, p := range m.peers {
		if p.up && !p.givesPlace {
			linked = append(linked, p)
		}
	}
	joins := map[bool]int{true: -1}
	slices.SortFunc(linked, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(joins[a.joins], joins[b.joins]), a.since.Compare(b.since), a.key.Compare(b.key))
	})
	return linked
}

// takePlaceLocked has a peer give up its place for a newcomer.
func (m *Mesh) takePlaceLocked(gives *peer, n newcomer) {
	now := time.Now()
	if n.hasFewLinks() && !n.dialled {
		m.placed[n.from.Shared()] = now
	}
	gives.givesPlace = true
	gives.notBefore = now.Add(leftAlone)
	gives.joinNotBefore = gives.notBefore
	m.links--
	gives.endLinkLocked(wire.Bye{Reason: wire.ByeRoom, Peers: m.offerLocked(gives)})
}

// offerLocked returns a few peers that another can dial instead of us: of those with the highest standing the ones that
// came last, which have most room.
func (m *Mesh) offerLocked(to *peer) (peers []wire.Contact) {
	linked := m.linkedLocked()
	slices.Reverse(linked)
	slices.SortStableFunc(linked, func(a, b *peer) int {
		return cmp.Compare(m.cfg.Level(b.key), m.cfg.Level(a.key))
	})
	for _, p := range linked {
		if p == to || len(p.routes) == 0 || !addrOf(p.routes[0]).IsValid() || addrOf(p.routes[0]).Zone() != "" {
			continue
		}
		peers = append(peers, wire.Contact{Key: p.key, Addrs: []string{p.routes[0].String()}})
		if len(peers) == wire.MaxByePeers {
			break
		}
	}
	return peers
}
