package mesh

import (
	"context"
	"errors"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Connect dials a route, and dials it again whenever the peer there is lost, for ever. Handler.Trouble
// reports what is in the way. Connect undoes an earlier Block of the peer there; a later one ends it, and
// so does that peer's word that this profile runs elsewhere. A peer that is linked already stays linked as
// it is. A second call for a route begins anew.
func (m *Mesh) Connect(route Route) {
	ctx, cancel := context.WithCancel(m.ctx)
	m.mu.Lock()
	if cancelOld := m.named[route.String()]; cancelOld != nil {
		cancelOld()
	}
	m.named[route.String()] = cancel
	m.orders++
	order := m.orders
	m.mu.Unlock()
	m.group.Go("mesh/connect", func(context.Context) {
		defer cancel()
		m.keepConnected(ctx, route, order)
	})
}

// CancelConnect ends what Connect does for the route of a name. A link to the peer there stays; Block ends
// it. It reports whether there was anything to end.
func (m *Mesh) CancelConnect(route string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	cancel := m.named[route]
	if cancel == nil {
		return false
	}
	delete(m.named, route)
	cancel()
	return true
}

func (m *Mesh) keepConnected(ctx context.Context, route Route, order uint64) {
	reported := ""
	for try := 0; ; try++ {
		d := dial{m: m, ctx: ctx, route: route, places: m.dials, order: order}
		err := d.run()
		began, wait := time.Now(), time.Duration(0)
		switch {
		case ctx.Err() != nil, errors.Is(err, errBlocked), errors.Is(err, errReplaced):
			m.release(d.peer)
			return
		case err == nil || errors.Is(err, errLinked):
			reported = ""
			m.cfg.Reached(route.String(), d.peer.key)
			m.awaitDown(ctx, d.peer)
			wait = m.pauseBefore(d.peer)
		default:
			if key := accept.ErrKey(err); key != reported {
				reported = key
				m.cfg.Handler.Trouble(route.String(), err)
			}
		}
		m.release(d.peer)
		if time.Since(began) >= longLink {
			try = 0
		}
		if !group.Sleep(ctx, max(wait, backoff(try)), nil) {
			return
		}
	}
}

// pauseBefore returns how long a peer isn't dialled yet because one of us has sent the other away.
func (m *Mesh) pauseBefore(p *peer) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Until(p.notBefore)
}

// awaitDown waits while p is linked, or until ctx ends.
func (m *Mesh) awaitDown(ctx context.Context, p *peer) {
	m.mu.Lock()
	up, down := p.up, p.down
	m.mu.Unlock()
	if up {
		select {
		case <-down:
		case <-ctx.Done():
		}
	}
}

// Block ends the link to key with a Bye, and neither dials nor takes that peer again until Connect. It does
// nothing if the key was never heard of.
func (m *Mesh) Block(key identity.Key, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[key]; p != nil {
		m.orders++
		p.blockedBy = m.orders
		p.endWait()
		p.endLinkLocked(wire.Bye{Reason: reason})
	}
}

// Expel ends the link to key with a Bye, delivers nothing more that came on it, and neither dials nor takes that
// peer for a while. It does nothing if the key was never heard of.
func (m *Mesh) Expel(key identity.Key, reason string, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[key]
	if p == nil {
		return
	}
	p.expelledUntil = time.Now().Add(d)
	p.endWait()
	switch {
	case p.link == nil:
	case p.running:
		p.link.Expel(reason)
	default:
		p.pendingBye = wire.Bye{Reason: reason}
	}
}
