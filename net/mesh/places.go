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
// most links. Of one source no more than 8 come in then.
//
// A room of more people than links must stay one room. So a peer that says in its Hello that it has fewer than 2 links
// gets a place all the same: of the source with most links, the peer that came last and isn't known gives its up.
// That is its own word, so it happens only once in 10 s for each source. What others say of their links chooses no one.
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

// newcomer is a peer that dials us and isn't linked.
type newcomer struct {
	key   identity.Key
	from  standing.Source
	hello wire.Hello
}

// isFullLocked reports whether one more link would be too many.
func (m *Mesh) isFullLocked() bool { return m.links >= m.maxLinks() }

func (m *Mesh) maxLinks() int { return cmp.Or(m.cfg.MaxLinks, MaxLinks) }

// placeForLocked finds out whether a peer may have a link. If another has to give up its place for that, it returns
// that one. It changes nothing.
func (m *Mesh) placeForLocked(n newcomer) (gives *peer, ok bool) {
	if !m.isFullLocked() {
		return nil, true
	}
	linked := m.linkedLocked()
	level := m.cfg.Level(n.key)
	places := standing.NewBudget[identity.Key](m.maxLinks(), m.maxLinks())
	ofSource := map[standing.Source][]*peer{}
	for _, p := range linked {
		places.Add(p.key, m.cfg.Level(p.key), p.from, 1)
		ofSource[p.from] = append(ofSource[p.from], p)
	}
	places.Add(n.key, level, n.from, 1)
	victim, over := places.Victim(n.key)
	switch crowded := len(ofSource[n.from]) >= maxOfSource && n.from != standing.Machine && level < standing.Known; {
	case !over:
		return nil, true
	case victim != n.key && !crowded:
		return m.peers[victim], true
	case !n.hasFewLinks() || time.Since(m.placed[n.from]) < placeEvery || len(m.placed) >= maxPlaced && m.placed[n.from].IsZero():
		return nil, false
	}
	// The newest of the source with the most, that may be sent away for a peer of this level.
	most := 0
	for _, p := range slices.Backward(linked) {
		if m.cfg.Level(p.key) == standing.Known && level < standing.Known {
			continue
		}
		if c := len(ofSource[p.from]); c > most {
			most, gives = c, p
		}
	}
	return gives, gives != nil
}

// hasFewLinks reports whether the peer says that it has few links. One of an earlier version doesn't say.
func (n newcomer) hasFewLinks() bool { return n.hello.Links != nil && *n.hello.Links < fewLinks }

// linkedLocked returns the peers that have a link, in the order in which they came.
func (m *Mesh) linkedLocked() []*peer {
	var linked []*peer
	for _, p := range m.peers {
		if p.up && !p.givesPlace {
			linked = append(linked, p)
		}
	}
	slices.SortFunc(linked, func(a, b *peer) int {
		return cmp.Or(a.since.Compare(b.since), a.key.Compare(b.key))
	})
	return linked
}

// takePlaceLocked has a peer give up its place for a newcomer.
func (m *Mesh) takePlaceLocked(gives *peer, for_ newcomer) {
	now := time.Now()
	for from, at := range m.placed {
		if now.Sub(at) >= placeEvery {
			delete(m.placed, from)
		}
	}
	if for_.hasFewLinks() {
		m.placed[for_.from] = now
	}
	gives.givesPlace = true
	gives.notBefore = now.Add(leftAlone)
	m.links--
	gives.endLinkLocked(wire.Bye{Reason: wire.ByeRoom, Peers: m.offerLocked(gives)})
}

// offerLocked returns a few peers that another can dial instead of us: those that came last, which have most room.
func (m *Mesh) offerLocked(to *peer) (peers []wire.Contact) {
	for _, p := range slices.Backward(m.linkedLocked()) {
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
