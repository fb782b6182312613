package mesh

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// A room can fall into partitions that never link again: in each of them all have as many links as they can have, so
// no one lets the others in. Every peer therefore looks for peers that it hears of while no link leads to them: they
// aren't linked here, and no neighbour names them. It dials one of them now and then, and its Hello names the peers that
// it reaches: its neighbours and theirs. A peer that reaches one of those too is in the same partition, and refuses.
// Otherwise it gives us a place, as to a peer with few links, and a link of ours gives way if we have too many. So no
// link is given up for peers up to 4 links away, and none before the other side has proven its key and accepted us.
//
// Neighbours may lie. One that names all peers keeps us from looking, and one that names none has us knock at a door
// in 30 s. Neither decides who gives way.

// When a peer is dialled as one of another partition.
const (
	apartAfter  = 5 * time.Second  // no link has led to it for so long since we heard of it
	joinSpread  = 6 * time.Second  // and up to so much more, at random, so that not all in a partition dial at once
	joinEvery   = 30 * time.Second // between two such dials that reached someone, give or take a half
	joinAgain   = 2 * time.Second  // after one that reached no one
	joinPause   = time.Minute      // between two such dials to one peer; doubled each time
	maxJoinWait = time.Hour
	heardWithin = 90 * time.Second // a peer that nothing was heard of for longer is gone; beacons come every 30 s at most
)

// SetNeighbours notes which keys the peer of a link says it is linked to.
func (m *Mesh) SetNeighbours(l *link.Link, keys identity.KeySet) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[l.Key()]; p != nil && p.link == l {
		p.neighbours = keys
	}
}

// IsNeighbours reports whether a peer that is linked says that it is linked to a key.
func (m *Mesh) IsNeighbours(key identity.Key) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if p.up && !p.givesPlace && p.neighbours.Has(key) {
			return true
		}
	}
	return false
}

// LastHeard returns when a hint or a link last said that a peer is there. It is zero if none did.
func (m *Mesh) LastHeard(key identity.Key) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[key]; p != nil {
		return p.heardOf
	}
	return time.Time{}
}

// joinPartitions dials peers of other partitions until the mesh ends.
func (m *Mesh) joinPartitions() {
	for group.Sleep(m.ctx, time.Second, nil) {
		if p := m.peerApart(); p != nil {
			reached := m.dialApart(p)
			m.mu.Lock()
			m.joinAt = time.Now().Add(joinAgain)
			if reached {
				m.joinAt = time.Now().Add(joinEvery/2 + rand.N(joinEvery))
			}
			if p.up {
				m.joined = time.Now()
			}
			m.mu.Unlock()
			m.release(p)
		}
	}
}

// lookForPartitionsLocked follows the loss of a link, which may have led to a part of the room: all may be dialled anew
// that refused because they were in our partition. It changes nothing soon after a link joined two partitions, so that
// links that come and go can't make us give up others faster.
func (m *Mesh) lookForPartitionsLocked() {
	if time.Since(m.joined) < joinEvery {
		return
	}
	m.joinAt = time.Time{}
	for _, p := range m.peers {
		if !time.Now().Before(p.notBefore) || !p.wasFull {
			p.joinTries, p.joinNotBefore = 0, time.Time{}
		}
	}
}

// peerApart returns a peer of another partition if it is time to dial one, else nil. The caller releases it.
func (m *Mesh) peerApart() *peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	var apart []*peer
	linked := sync.OnceValue(m.linkedLocked) // built only if a peer isn't linked
	for _, p := range m.peers {
		switch {
		case !m.mayJoinLocked(p) || now.Sub(p.heardOf) > heardWithin || namedBy(linked(), p.key):
			p.apartSince, p.joinTries = time.Time{}, 0
		case !p.apartSince.IsZero() && now.Sub(p.apartSince) >= apartAfter && !now.Before(p.joinNotBefore):
			apart = append(apart, p)
		}
	}
	switch {
	case len(apart) == 0 || len(linked()) == 0: // without a link we look for anyone all the time
		if !now.Before(m.joinAt) {
			m.joinAt = time.Time{}
		}
		return nil
	case m.joinAt.IsZero():
		m.joinAt = now.Add(rand.N(joinSpread))
		return nil
	case now.Before(m.joinAt):
		return nil
	}
	p := m.chooseApartLocked(apart)
	p.refs++
	p.joinNotBefore = now.Add(min(joinPause<<min(p.joinTries, 10), maxJoinWait))
	p.joinTries++
	return p
}

// mayJoinLocked reports whether a link to p would be welcome, were there a place.
func (m *Mesh) mayJoinLocked(p *peer) bool {
	return !p.up && !p.forgotten && p.blockedBy == 0 && p.replacedBy == 0 && !m.closed && len(p.routes) > 0 &&
		!time.Now().Before(p.expelledUntil)
}

// namedBy reports whether one of the linked peers says that it is linked to a key.
func namedBy(linked []*peer, key identity.Key) bool {
	return slices.ContainsFunc(linked, func(p *peer) bool { return p.neighbours.Has(key) })
}

// chooseApartLocked returns the peer to dial. A known one goes first. Among equals each source has the same chance, so
// that a thousand made-up peers of one source don't hide another's real one.
func (m *Mesh) chooseApartLocked(apart []*peer) *peer {
	isKnown := func(p *peer) bool { return m.cfg.Level(p.key) == standing.Known }
	onlyKnown := slices.ContainsFunc(apart, isKnown)
	bySource := map[standing.Source][]*peer{}
	var sources []standing.Source
	for _, p := range apart {
		if onlyKnown && !isKnown(p) {
			continue
		}
		from := p.hintedBy
		if p.wasLinked {
			from = p.from
		}
		if bySource[from] == nil {
			sources = append(sources, from)
		}
		bySource[from] = append(bySource[from], p)
	}
	of := bySource[sources[rand.IntN(len(sources))]]
	return of[rand.IntN(len(of))]
}

// dialApart dials a peer of another partition. It reports whether the peer answered.
func (m *Mesh) dialApart(p *peer) (reached bool) {
	m.mu.Lock()
	routes := slices.Clone(p.routes)
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(p.ctx, dialWithin)
	defer cancel()
	for _, r := range routes {
		d := dial{m: m, ctx: ctx, route: r, expect: p.key, places: m.dials, joins: true}
		err := d.run()
		reached = reached || d.peer != nil && !errors.Is(err, errLinked)
		m.release(d.peer)
		if err == nil || errors.Is(err, errLinked) || ctx.Err() != nil {
			break
		}
		m.cfg.Log.Info("dial to another partition", "route", r, "error", err)
	}
	return reached
}

// joiningHello returns our Hello for a peer of another partition.
func (m *Mesh) joiningHello() wire.Hello {
	h := m.cfg.Link.Hello()
	none := 0
	h.Links = &none
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.reachedLocked() {
		if h.Near = append(h.Near, wire.NearKey(key)); len(h.Near) == wire.MaxNear {
			break
		}
	}
	return h
}

// reachedLocked returns our neighbours and theirs.
func (m *Mesh) reachedLocked() map[identity.Key]bool {
	reached := map[identity.Key]bool{}
	for _, p := range m.peers {
		if !p.up || p.givesPlace {
			continue
		}
		reached[p.key] = true
		for _, key := range p.neighbours {
			reached[key] = true
		}
	}
	delete(reached, m.self)
	return reached
}

// isApartLocked reports whether no link of ours leads to a peer: neither we nor our neighbours reach it, or one of those
// that its Hello says it reaches.
func (m *Mesh) isApartLocked(n newcomer) bool {
	theirs := make(map[string]bool, len(n.hello.Near)+1)
	for _, key := range n.hello.Near {
		theirs[key] = true
	}
	if theirs[wire.NearKey(m.self)] {
		return false
	}
	theirs[wire.NearKey(n.key)] = true
	for key := range m.reachedLocked() {
		if theirs[wire.NearKey(key)] {
			return false
		}
	}
	return true
}
