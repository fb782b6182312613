package mesh

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// settle is how far apart in time two crossed dials can be: how long a peer whose link was said to
// be a duplicate may take to bring the other one, and after how long a second link is no crossing.
const settle = 3 * time.Second

// ErrRefused is why Connect fails if it is this side that doesn't take the peer: Config.Admit, or a
// Block meanwhile.
var ErrRefused = errors.New("this side refused the link")

// adopt makes a link whose Hello is here the one to its peer, or ends it; began is when its
// connection was there. Without an error the peer is linked, by this link or by another.
func (m *Mesh) adopt(l *link.Link, began time.Time) error {
	refuse := func(reason string) error {
		l.Bye(reason)
		return fmt.Errorf("%w (%s)", ErrRefused, reason)
	}
	if reason := m.cfg.Admit(l.Hello()); reason != "" {
		return refuse(reason)
	}
	p := m.pin(l.Key())
	defer m.unpin(p)
	p.tell.Lock()
	defer p.tell.Unlock()

	m.mu.Lock()
	if reason := m.refusal(p); reason != "" {
		deliver := m.closed && p.up && p.blocked == 0 // a crossed link, and a goodbye is said on the other
		m.mu.Unlock()
		if deliver {
			l.Start(m, m.cfg.Hashes)
		}
		return refuse(reason)
	}
	old, reason := p.link, wire.ByeDuplicate
	if old != nil {
		var wins bool
		if wins, reason = m.better(l, old, began.Sub(p.since)); !wins {
			m.mu.Unlock()
			// Started before its Bye: what the peer has sent on it must be delivered.
			if l.Start(m, m.cfg.Hashes) {
				l.Bye(reason)
			}
			return nil
		}
	}
	renewed := p.renewed
	p.link, p.since, p.running, p.goodbye, p.held, p.renewed = l, time.Now(), false, "", nil, nil
	p.met, p.heard, p.rest = true, p.since, time.Time{}
	p.learn(listens(l))
	if !p.up {
		p.up, p.down = true, make(chan struct{})
		m.links++
	}
	m.mu.Unlock()

	m.cfg.Handler.Up(l)
	if old != nil {
		old.Bye(reason)
	}
	if renewed != nil {
		close(renewed)
	}
	if !l.Start(m, m.cfg.Hashes) { // the group was stopped
		m.ended(p, l, link.ErrDown)
		return nil
	}
	m.mu.Lock()
	p.running = true
	reason = p.goodbye
	p.goodbye = ""
	m.mu.Unlock()
	if reason != "" {
		l.Bye(reason)
	}
	return nil
}

// leave says Bye to p, if there is a link. One that adopt hasn't started yet, which would then lose
// what has come on it, is left to adopt. Called with mu held.
func (p *peer) leave(reason string) {
	switch {
	case p.link == nil:
	case p.running:
		p.link.Bye(reason)
	default:
		p.goodbye = reason
	}
}

// better compares a new link with the old one to the same peer, which had been up for age when the
// new connection came: whether the new one stays, and the reason for the other's Bye. See the
// package comment. Called with mu held.
func (m *Mesh) better(l, old *link.Link, age time.Duration) (bool, string) {
	a, b := l.Hello(), old.Hello()
	if c := cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.Inst, b.Inst)); c != 0 {
		return c > 0, wire.ByeReplaced
	}
	switch {
	case old.Ending(): // if it was the better one, the peer has thought otherwise
		return true, wire.ByeDuplicate
	case l.Dialed() == old.Dialed(), !l.Dialed() && age > settle:
		return true, wire.ByeDuplicate // nobody dials with a link up: for the opener the old one is gone
	}
	return l.Dialed() == (m.self.Compare(l.Key()) > 0), wire.ByeDuplicate
}

// Down is of link.Handler: it comes back to peers that did not leave on purpose.
func (m *Mesh) Down(l *link.Link, why error) {
	p := m.pin(l.Key())
	defer m.unpin(p)
	if said(why) == wire.ByeDuplicate {
		m.hold(p, l)
	}
	p.tell.Lock()
	defer p.tell.Unlock()
	m.ended(p, l, why)
}

// said is the reason of the peer's Bye, "" if it said none.
func said(why error) string {
	var bye *link.ByeError
	if errors.As(why, &bye) {
		return bye.Reason
	}
	return ""
}

// hold waits, if l was its peer's link, for the one that the peer prefers. It runs in the goroutine
// of a link that is down.
func (m *Mesh) hold(p *peer, l *link.Link) {
	m.mu.Lock()
	if p.link != l || m.closed {
		m.mu.Unlock()
		return
	}
	renewed := make(chan struct{})
	p.link, p.held, p.renewed = nil, l, renewed
	m.mu.Unlock()
	group.Sleep(m.ctx, settle, renewed)
}

// ended tells the Handler that l is down. Called with p.tell held.
func (m *Mesh) ended(p *peer, l *link.Link, why error) {
	reason := said(why)
	m.mu.Lock()
	if reason == wire.ByeReplaced {
		m.orders++
		p.replaced = m.orders
	}
	last := p.link == l || p.held == l
	if last {
		p.link, p.held, p.renewed, p.up = nil, nil, nil, false
		m.links--
		close(p.down)
		if p.brief++; time.Since(p.since) >= steady {
			p.brief = 0
		}
		switch reason {
		case wire.ByeLeaving, wire.ByeVersion, wire.ByeRoom:
			// Gone on purpose: a hint starts it again.
		case wire.ByeFull:
			p.rest = time.Now().Add(restFor)
		default:
			switch {
			case why == nil:
			case p.chasing && p.brief > 0:
				p.again = true // after its wait: a peer whose links break at once is in no hurry
			default:
				m.chase(p, backoff(p.brief)+m.yield(p))
			}
		}
	}
	m.mu.Unlock()
	m.cfg.Handler.Down(l, why, last)
}
