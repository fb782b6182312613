package mesh

import (
	"cmp"
	"errors"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// adopt makes a link whose Hello is here the one to its peer, or ends it.
func (m *Mesh) adopt(l *link.Link) {
	if reason := m.cfg.Admit(l.Hello()); reason != "" {
		l.Bye(reason)
		return
	}
	m.mu.Lock()
	p := m.peer(l.Key())
	old := p.link
	switch {
	case m.closed || p.blocked:
		m.mu.Unlock()
		l.Bye(wire.ByeLeaving)
		return
	case old == nil && m.links >= MaxLinks:
		m.mu.Unlock()
		l.Bye(wire.ByeFull)
		return
	}
	wins, reason := true, ""
	if old != nil {
		wins, reason = m.better(l, old)
	}
	if !wins {
		m.mu.Unlock()
		// Started before its Bye: what the peer has sent on it must be delivered.
		if l.Start(m, m.cfg.Hashes) {
			l.Bye(reason)
		}
		return
	}
	p.link = l
	if old == nil {
		m.links++
		p.down = make(chan struct{})
	}
	m.mu.Unlock()
	m.cfg.Handler.Up(l)
	if old != nil {
		old.Bye(reason)
	}
	if !l.Start(m, m.cfg.Hashes) {
		m.Down(l, link.ErrDown) // the group was stopped
	}
}

// better compares two links to one peer: whether l stays, and the reason for the other's Bye. A
// later run of the peer wins. Of one run, the link that the greater key opened; if one side opened
// both, the later one, since it wouldn't have dialled with the first alive.
func (m *Mesh) better(l, old *link.Link) (bool, string) {
	a, b := l.Hello(), old.Hello()
	if c := cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.Inst, b.Inst)); c != 0 {
		return c > 0, wire.ByeReplaced
	}
	if l.Dialed() == old.Dialed() {
		return true, wire.ByeDuplicate
	}
	return l.Dialed() == (m.self.Compare(l.Key()) > 0), wire.ByeDuplicate
}

// peer is the entry of a key, made when needed. Called with mu held.
func (m *Mesh) peer(key identity.Key) *peer {
	p := m.peers[key]
	if p == nil {
		p = &peer{key: key, kick: make(chan struct{}, 1)}
		m.peers[key] = p
	}
	return p
}

// Down is of link.Handler: it comes back to peers that did not leave on purpose.
func (m *Mesh) Down(l *link.Link, why error) {
	var bye *link.ByeError
	again := true
	if errors.As(why, &bye) {
		switch bye.Reason {
		case wire.ByeLeaving, wire.ByeFull, wire.ByeVersion, wire.ByeRoom:
			again = false // a beacon or a new address starts it again
		}
	}
	m.mu.Lock()
	if bye != nil && bye.Reason == wire.ByeReplaced {
		m.replaced, again = true, false
	}
	p := m.peer(l.Key())
	last := p.link == l
	if last {
		p.link = nil
		m.links--
		close(p.down)
	}
	if last && again && why != nil {
		m.chase(p, reconnectFirst)
	}
	m.mu.Unlock()
	m.cfg.Handler.Down(l, why, last)
}

// The other methods of link.Handler pass on.

// Record passes on.
func (m *Mesh) Record(l *link.Link, r *record.Record) { m.cfg.Handler.Record(l, r) }

// Records passes on.
func (m *Mesh) Records(l *link.Link, w wire.Records, rs []*record.Record) {
	m.cfg.Handler.Records(l, w, rs)
}

// Message passes on.
func (m *Mesh) Message(l *link.Link, w wire.Message) { m.cfg.Handler.Message(l, w) }

// Frontier passes on.
func (m *Mesh) Frontier(l *link.Link, hashes map[string]string) { m.cfg.Handler.Frontier(l, hashes) }

// Refused passes on.
func (m *Mesh) Refused(l *link.Link, reason string) { m.cfg.Handler.Refused(l, reason) }

// Drained passes on.
func (m *Mesh) Drained(l *link.Link) { m.cfg.Handler.Drained(l) }

// State passes on.
func (m *Mesh) State(l *link.Link, late bool) { m.cfg.Handler.State(l, late) }
