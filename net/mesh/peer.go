package mesh

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

const (
	maxPeers = 1024 // entries in the table, linked or not
	// replaceEvery is how much time lies between two hints of one source that take each other's place, which costs a look
	// at the whole table.
	replaceEvery = 10 * time.Millisecond
	maxRoutes    = 8 // routes of each peer, newest first
)

// peer is a key that was linked or heard of.
//
//	         hint                  Hello
//	idle ────────▶ reconnecting ───────────────▶ up ─── lost, slow, cut ───▶ reconnecting
//	 ▲                  │                       │  ▲
//	 │     refused,     │           Bye{duplicate} │ the link that takes its place
//	 │◀──── 8 tries ────┘                       ▼  │
//	 │                                    replacing ─── 3 s ───▶ reconnecting
//	 └◀──── left, full, replaced, Block ────── up
//
// Mesh.mu guards all but key and reporting.
type peer struct {
	key identity.Key

	// reporting is held over a change of link together with the Handler's call for it, so that the calls
	// come in the order of the changes. Lock order: reporting, then Mesh.mu. No caller may hold a lock of
	// the Handler's.
	reporting sync.Mutex

	link       *link.Link    // nil: none, or being replaced
	running    bool          // link was started
	pendingBye wire.Bye      // to say as soon as link runs; without a reason if it stays
	up         bool          // the Handler had Up, and no last Down
	down       chan struct{} // closed when the peer is no longer up; new each time it comes up

	replacing   *link.Link    // ended with Bye{duplicate}, and the Handler had no Down for it yet
	replacement chan struct{} // closed when a link takes the place of replacing

	ctx          context.Context // ends when the peer is forgotten, or the mesh ends
	forget       context.CancelFunc
	hintedBy     standing.Source // the source of the first hint; zero: the peer was here itself
	routes       []Route         // newest first
	reconnecting bool            // a goroutine tries to reach the peer
	lostAgain    bool            // lost since the last round: begin another when this one ends
	wake         chan struct{}   // holds at most 1: ends a wait of reconnect, or has it begin again
	opening      bool            // a dial of ours has reached the peer and waits for its Hello
	triedAt      time.Time       // end of the last round of dials
	wrongKeyAt   string          // the route where another key answered, as reported last; reconnect's own
	shortLinks   int             // links in a row that ended soon
	wasLinked    bool            // in this run
	heardOf      time.Time       // by the last hint or link
	refs         int             // goroutines that use the entry, which therefore stays
	forgotten    bool            // not in the table any more
	refusals
	linkPlace
	apart
}

// apart is what is known of a peer that may be in another partition of the room (partition.go).
type apart struct {
	joins         bool            // its link joined two partitions: of equals it is the last to give its place up
	neighbours    identity.KeySet // that it says it is linked to
	apartSince    time.Time       // heard of while no link of ours led to it; zero: it wasn't
	joinTries     int             // dials as to a peer of another partition, since it was linked last
	joinNotBefore time.Time       // not dialled so before
}

// refusals says why a peer isn't dialled, or not let in.
type refusals struct {
	notBefore     time.Time // the peer has refused us: dial it again only then
	expelledUntil time.Time // neither dialled nor let in before
	blockedBy     uint64    // the order of Block; 0: not blocked
	replacedBy    uint64    // the order in which the peer said that a later run has our key; 0: it didn't
}

// acquire returns the entry of a key, which stays in the table until release.
func (m *Mesh) acquire(key identity.Key) *peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.acquireLocked(key)
}

// acquireLocked does what acquire does. The key was proven, so that no one's hint stands for it any more.
func (m *Mesh) acquireLocked(key identity.Key) *peer {
	p := m.peers[key]
	if p == nil {
		if len(m.peers) >= maxPeers {
			m.forgetOneLocked(standing.Source{})
		}
		p = m.addPeerLocked(key, standing.Source{})
	}
	p.refs++
	return p
}

// release undoes acquire. It does nothing with a nil peer.
func (m *Mesh) release(p *peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p != nil {
		p.refs--
	}
}

// peerLocked returns the entry of a key, and makes it if there is none. It returns nil if the one who hints at it has
// no place for more.
func (m *Mesh) peerLocked(key identity.Key, hintedBy standing.Source) *peer {
	p := m.peers[key]
	if p == nil {
		if len(m.peers) >= maxPeers && !m.forgetOneLocked(hintedBy) {
			return nil
		}
		p = m.addPeerLocked(key, hintedBy)
	}
	return p
}

func (m *Mesh) addPeerLocked(key identity.Key, hintedBy standing.Source) *peer {
	p := &peer{key: key, hintedBy: hintedBy, wake: make(chan struct{}, 1), heardOf: time.Now()}
	m.hints[hintedBy]++
	p.ctx, p.forget = context.WithCancel(m.ctx)
	m.peers[key] = p
	return p
}

// forgetOneLocked makes room in the table. Of the peers that aren't up, one that was never linked, or was expelled, goes
// before the others. Of these it is one of the source with most hints, and the one that was not heard of for longest.
// So a flood of hints drives out itself, a hundred times a second at most. A peer that the user blocked stays. It
// reports whether there is room now.
func (m *Mesh) forgetOneLocked(newcomer standing.Source) bool {
	now := time.Now()
	if newcomer != (standing.Source{}) && m.hintsMostLocked(newcomer) {
		if now.Sub(m.replacedAt) < replaceEvery {
			return false
		}
		m.replacedAt = now
	}
	m.countHintLocked(newcomer, 1) // so that the newcomer's source gives way to an equal one
	var worst *peer
	cheap := func(p *peer) bool { return !p.wasLinked || now.Before(p.expelledUntil) }
	for _, p := range m.peers {
		if p.up || p.refs > 0 || p.blockedBy != 0 {
			continue
		}
		if worst == nil || cheap(p) && !cheap(worst) || cheap(p) == cheap(worst) && cmp.Or(
			cmp.Compare(m.hints[worst.hintedBy], m.hints[p.hintedBy]), p.heardOf.Compare(worst.heardOf)) < 0 {
			worst = p
		}
	}
	m.countHintLocked(newcomer, -1)
	if worst == nil {
		return false
	}
	m.countHintLocked(worst.hintedBy, -1)
	worst.forgotten = true
	worst.forget()
	delete(m.peers, worst.key)
	return true
}

// hintsMostLocked reports whether no source hinted at more peers.
func (m *Mesh) hintsMostLocked(by standing.Source) bool {
	for other, n := range m.hints {
		if n > m.hints[by] && other != (standing.Source{}) {
			return false
		}
	}
	return true
}

// countHintLocked changes how many peers are known by a source's hints.
func (m *Mesh) countHintLocked(by standing.Source, n int) {
	if m.hints[by] += n; m.hints[by] == 0 {
		delete(m.hints, by)
	}
}

// noteLinkedLocked notes that a peer is linked: no one's hint stands for it any more.
func (m *Mesh) noteLinkedLocked(p *peer) {
	if !p.wasLinked {
		m.countHintLocked(p.hintedBy, -1)
		m.countHintLocked(standing.Source{}, 1)
		p.wasLinked, p.hintedBy = true, standing.Source{}
	}
}

// endWait ends a wait of reconnect.
func (p *peer) endWait() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// addRoutesLocked puts routes to the peer first.
func (p *peer) addRoutesLocked(routes ...Route) {
	for _, r := range slices.Backward(routes) {
		p.routes = slices.DeleteFunc(p.routes, func(old Route) bool { return old.String() == r.String() })
		p.routes = slices.Insert(p.routes, 0, r)
	}
	p.routes = p.routes[:min(len(p.routes), maxRoutes)]
}

// refusalLocked returns the reason of the Bye for a peer that dials us and isn't let in, or "". p may be nil.
func (m *Mesh) refusalLocked(p *peer) string {
	switch {
	case m.closed, p != nil && (p.blockedBy != 0 || p.replacedBy != 0):
		return wire.ByeLeaving
	case p != nil && time.Now().Before(p.expelledUntil):
		return wire.ByeSignatures
	case p != nil && p.givesPlace:
		return wire.ByeFull
	}
	return ""
}
