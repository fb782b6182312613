package mesh

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

const (
	maxPeers = 1024 // entries kept, linked or not
	maxAddrs = 8    // kept per peer, newest first
)

// peer is one key that was linked or heard of.
//
//	       hint                 Hello
//	idle ────────▶ chased ───────────────▶ up ─── lost, slow, cut ───▶ chased
//	 ▲               │                    │  ▲
//	 │   refused,    │        Bye{duplicate} │ the link that it stands for
//	 │◀── 8 tries ───┘                    ▼  │
//	 │                                   held ─── 3 s ───▶ chased
//	 └◀── left, full, replaced, Block ── up
//
// All but tell is guarded by Mesh.mu.
type peer struct {
	key identity.Key

	// tell is held over a change of link together with what the Handler is told of it, so that it is
	// told in the order of events. It is locked before Mesh.mu, and by nobody who holds a lock of the
	// Handler's.
	tell sync.Mutex

	link    *link.Link    // nil: none, or held
	since   time.Time     // when link came up
	running bool          // link was started
	goodbye string        // to be said when it is; "" if it stays
	up      bool          // the Handler had Up, and no last Down
	down    chan struct{} // closed when it is no longer up; new each time it comes up

	held    *link.Link    // ended with Bye{duplicate}, and its Down isn't told yet
	renewed chan struct{} // closed when a link takes the place of held

	addrs    []netip.AddrPort // newest first
	chasing  bool             // a goroutine tries to reach it
	again    bool             // lost since the last round: should the chase end, another begins
	kick     chan struct{}    // of size 1: ends the chase's wait, or has another begin
	opening  bool             // a dial of ours has reached it and waits for its Hello
	tried    time.Time        // the last round of dials
	rest     time.Time        // it has refused us: not dialled before
	stranger netip.AddrPort   // where somebody else answered, as was told last; the chase's own
	brief    int              // links in a row that didn't last

	blocked  uint64 // the order of Block, 0: not blocked
	replaced uint64 // the order in which it said that a later run has our key, 0: it didn't

	met       bool      // was linked in this run
	heard     time.Time // of the last hint or link
	pins      int       // goroutines that use the entry: it stays
	forgotten bool      // no longer in the table
}

// pin is the entry of a key, which stays in the table until unpin.
func (m *Mesh) pin(key identity.Key) *peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peer(key)
	p.pins++
	return p
}

func (m *Mesh) unpin(p *peer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.pins--
}

// peer is the entry of a key, made when needed. Called with mu held.
func (m *Mesh) peer(key identity.Key) *peer {
	p := m.peers[key]
	if p == nil {
		if len(m.peers) >= maxPeers {
			m.forget()
		}
		p = &peer{key: key, kick: make(chan struct{}, 1), heard: time.Now()}
		m.peers[key] = p
	}
	return p
}

// forget makes room in the table: of those that aren't up, one that was never linked goes before one
// that was, and of these the one that was not heard of for longest. So a flood of hints drives out
// itself. What the user blocked stays. Called with mu held.
func (m *Mesh) forget() {
	var worst *peer
	for _, p := range m.peers {
		if p.up || p.pins > 0 || p.blocked != 0 {
			continue
		}
		if worst == nil || worst.met && !p.met || worst.met == p.met && p.heard.Before(worst.heard) {
			worst = p
		}
	}
	if worst != nil {
		worst.forgotten = true
		worst.nudge()
		delete(m.peers, worst.key)
	}
}

// nudge ends the chase's wait.
func (p *peer) nudge() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// learn puts addresses where the peer may be reached first. Called with mu held.
func (p *peer) learn(addrs ...netip.AddrPort) {
	for _, a := range slices.Backward(addrs) {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if !a.IsValid() || a.Port() == 0 {
			continue
		}
		p.addrs = slices.DeleteFunc(p.addrs, func(b netip.AddrPort) bool { return a == b })
		p.addrs = slices.Insert(p.addrs, 0, a)
	}
	p.addrs = p.addrs[:min(len(p.addrs), maxAddrs)]
}

// listens is where the peer of a link takes connections; invalid if it doesn't say.
func listens(l *link.Link) netip.AddrPort {
	a := l.RemoteAddr()
	if !l.Dialed() {
		a = netip.AddrPortFrom(a.Addr(), uint16(l.Hello().Port))
	}
	return a
}

// refusal is why a peer that dials us is not let in: a reason for Bye, or "". p may be nil. Called
// with mu held.
func (m *Mesh) refusal(p *peer) string {
	switch {
	case m.closed, p != nil && (p.blocked != 0 || p.replaced != 0):
		return wire.ByeLeaving
	case m.links >= MaxLinks && (p == nil || !p.up):
		return wire.ByeFull
	}
	return ""
}
