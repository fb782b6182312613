package mesh

import (
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

const (
	maxPeers  = 1024 // entries in the table, linked or not
	maxRoutes = 8    // routes of each peer, newest first
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
	since      time.Time     // when link came up
	running    bool          // link was started
	pendingBye string        // to say as soon as link runs; "" if it stays
	up         bool          // the Handler had Up, and no last Down
	down       chan struct{} // closed when the peer is no longer up; new each time it comes up

	replacing   *link.Link    // ended with Bye{duplicate}, and the Handler had no Down for it yet
	replacement chan struct{} // closed when a link takes the place of replacing

	routes        []Route       // newest first
	reconnecting  bool          // a goroutine tries to reach the peer
	lostAgain     bool          // lost since the last round: begin another when this one ends
	wake          chan struct{} // holds at most 1: ends a wait of reconnect, or has it begin again
	opening       bool          // a dial of ours has reached the peer and waits for its Hello
	triedAt       time.Time     // end of the last round of dials
	notBefore     time.Time     // the peer has refused us: dial it again only then
	wrongKeyAt    string        // the route where another key answered, as reported last; reconnect's own
	shortLinks    int           // links in a row that ended soon
	expelledUntil time.Time     // neither dialled nor let in before
	blockedBy     uint64        // the order of Block; 0: not blocked
	replacedBy    uint64        // the order in which the peer said that a later run has our key; 0: it didn't
	wasLinked     bool          // in this run
	heardOf       time.Time     // by the last hint or link
	refs          int           // goroutines that use the entry, which therefore stays
	forgotten     bool          // not in the table any more
}

// acquire returns the entry of a key, which stays in the table until release.
func (m *Mesh) acquire(key identity.Key) *peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peerLocked(key)
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

// peerLocked returns the entry of a key, and makes it if there is none.
func (m *Mesh) peerLocked(key identity.Key) *peer {
	p := m.peers[key]
	if p == nil {
		if len(m.peers) >= maxPeers {
			m.forgetOneLocked()
		}
		p = &peer{key: key, wake: make(chan struct{}, 1), heardOf: time.Now()}
		m.peers[key] = p
	}
	return p
}

// forgetOneLocked makes room in the table. Of the peers that aren't up, one that was never linked goes
// before one that was, and of these the one that was not heard of for longest. So a flood of hints drives
// out itself. A peer that the user blocked stays.
func (m *Mesh) forgetOneLocked() {
	var worst *peer
	for _, p := range m.peers {
		if p.up || p.refs > 0 || p.blockedBy != 0 || time.Now().Before(p.expelledUntil) {
			continue
		}
		if worst == nil || worst.wasLinked && !p.wasLinked || worst.wasLinked == p.wasLinked && p.heardOf.Before(worst.heardOf) {
			worst = p
		}
	}
	if worst != nil {
		worst.forgotten = true
		worst.endWait()
		delete(m.peers, worst.key)
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
	case m.links >= MaxLinks && (p == nil || !p.up):
		return wire.ByeFull
	}
	return ""
}
