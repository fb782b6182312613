package mesh

import (
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// errRefused says that this side doesn't take the peer, because of Config.Admit or of a Block meanwhile.
var errRefused = errors.New("this side refused the link")

// ErrGavePlace is why a link is down whose peer gave its place up to another.
var ErrGavePlace = errors.New("the peer gave its place up to another")

// adoptOrRefuse makes a link whose Hello is here the one to its peer, or ends it. began is when its connection
// was there, route the one that was dialled, nil if the peer dialled. joins: it joins two partitions of the room.
// Without an error the peer is linked, by this link or by another.
func (m *Mesh) adoptOrRefuse(l *link.Link, began time.Time, route Route, joins bool) error {
	reason := m.cfg.Admit(l.Hello())
	if reason == "" {
		reason = m.adopt(l, began, route, joins)
	}
	if reason != "" {
		l.Refuse(reason) // in this goroutine, for which the end of the group waits
		return fmt.Errorf("%w (%s)", errRefused, reason)
	}
	return nil
}

// adopt makes l the link to its peer, or ends it because another is. Otherwise it returns a reason to refuse l.
func (m *Mesh) adopt(l *link.Link, began time.Time, route Route, joins bool) (reason string) {
	if r := m.cfg.RouteTo(l); r != nil {
		route = r
	}
	handler := linkHandler{m.cfg.Handler, m}
	hashes := func() map[string]string { return m.cfg.Hashes(l) }
	p := m.acquire(l.Key())
	defer m.release(p)
	p.reporting.Lock()
	defer p.reporting.Unlock()

	m.mu.Lock()
	if reason = m.refusalLocked(p); reason != "" {
		deliver := m.closed && p.up && p.blockedBy == 0 // a crossed link, and the peer gets its Bye on the other
		m.mu.Unlock()
		if deliver && l.Start(handler, hashes) {
			l.Bye(reason)
			return ""
		}
		return reason
	}
	old := p.link
	reason = wire.ByeDuplicate
	if old != nil {
		var stays bool
		if stays, reason = m.chooseLocked(l, old, began.Sub(p.since)); !stays {
			m.mu.Unlock()
			// Started before its Bye, so that what the peer has sent on it is delivered.
			if l.Start(handler, hashes) {
				l.Bye(reason)
			}
			return ""
		}
	}
	from := m.cfg.Source(l.RemoteAddr().Addr())
	if !p.up {
		n := newcomer{key: p.key, from: from, hello: l.Hello(), dialled: joins}
		gives, ok := m.placeForLocked(n)
		if !ok {
			m.mu.Unlock()
			return wire.ByeFull
		}
		if gives != nil {
			m.takePlaceLocked(gives, n)
		}
		p.joins, p.neighbours = joins || !l.Dialed() && n.joins(), nil
	}
	p.from = from
	replacement := p.replacement
	p.link, p.since, p.running, p.pendingBye, p.replacing, p.replacement = l, time.Now(), false, wire.Bye{}, nil, nil
	m.noteLinkedLocked(p)
	p.heardOf, p.notBefore = p.since, time.Time{}
	m.saidFull, p.wasFull = false, false
	if route != nil {
		p.addRoutesLocked(route)
	}
	if !p.up {
		p.up, p.down = true, make(chan struct{})
		m.links++
		m.recent.add(p.since)
	}
	m.mu.Unlock()

	m.cfg.Handler.Up(l)
	if old != nil {
		old.Bye(reason)
	}
	if replacement != nil {
		close(replacement)
	}
	if !l.Start(handler, hashes) { // the group was stopped
		m.reportDown(p, l, link.ErrDown)
		return ""
	}
	m.mu.Lock()
	p.running = true
	pending := p.pendingBye
	p.pendingBye = wire.Bye{}
	m.mu.Unlock()
	if pending.Reason != "" {
		l.ByeWith(pending)
	}
	return ""
}

// endLinkLocked says Bye to p, if there is a link. A link that adopt hasn't started yet would lose what has
// come on it, so adopt says that Bye once the link runs.
func (p *peer) endLinkLocked(bye wire.Bye) {
	switch {
	case p.link == nil:
	case p.running:
		p.link.ByeWith(bye)
	default:
		p.pendingBye = bye
	}
}

// linkDown waits for the link that replaces l, if the peer said so, and then reports that l is down.
func (m *Mesh) linkDown(l *link.Link, why error) {
	p := m.acquire(l.Key())
	defer m.release(p)
	if byeReason(why) == wire.ByeDuplicate {
		m.awaitReplacement(p, l)
	}
	p.reporting.Lock()
	defer p.reporting.Unlock()
	m.reportDown(p, l, why)
}

// byeReason returns the reason of the peer's Bye, or "" if the link ended without.
func byeReason(why error) string {
	var bye *link.ByeError
	if errors.As(why, &bye) {
		return bye.Reason
	}
	return ""
}

// awaitReplacement waits, if l was its peer's link, for the one that the peer prefers. It runs in the
// goroutine of a link that is down.
func (m *Mesh) awaitReplacement(p *peer, l *link.Link) {
	m.mu.Lock()
	if p.link != l || m.closed {
		m.mu.Unlock()
		return
	}
	replacement := make(chan struct{})
	p.link, p.replacing, p.replacement = nil, l, replacement
	m.mu.Unlock()
	group.Sleep(m.ctx, crossedWithin, replacement)
}

// reportDown reports to the Handler that l is down, and reconnects to a peer that did not leave on
// purpose. The caller holds p.reporting.
func (m *Mesh) reportDown(p *peer, l *link.Link, why error) {
	reason := byeReason(why)
	m.mu.Lock()
	if reason == wire.ByeReplaced {
		m.orders++
		p.replacedBy = m.orders
	}
	last := p.link == l || p.replacing == l
	if last {
		p.link, p.replacing, p.replacement, p.up = nil, nil, nil, false
		if p.givesPlace {
			why = ErrGavePlace
		} else {
			m.links--
		}
		p.givesPlace = false
		close(p.down)
		if time.Since(p.since) >= longLink && reason != wire.ByeRoom && !errors.Is(why, ErrGavePlace) {
			m.lookForPartitionsLocked()
		}
		if p.shortLinks++; time.Since(p.since) >= longLink {
			p.shortLinks = 0
		}
		switch {
		case reason == wire.ByeRoom:
			p.notBefore = time.Now().Add(leftAlone)
			p.joinNotBefore, p.wasFull = p.notBefore, true
		case why == nil, errors.Is(why, ErrGavePlace), reason == wire.ByeLeaving, reason == wire.ByeVersion:
			// Gone on purpose: a hint starts it again.
		case reason == wire.ByeFull:
			p.notBefore = time.Now().Add(refusedPause)
		case p.reconnecting && p.shortLinks > 0:
			p.lostAgain = true // after its wait: a peer whose links break at once is in no hurry
		default:
			m.reconnectLocked(p, backoff(p.shortLinks)+m.dialDelay(p))
		}
	}
	m.mu.Unlock()
	m.cfg.Handler.Down(l, why, last)
}
