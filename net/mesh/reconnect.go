package mesh

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// A lost peer is dialled in rounds that begin with these waits. Package node looks for it on the network beside
// that (seekLostFor), and connect.go retries the person's own routes for ever.
const (
	reconnectFirst = time.Second // the wait before the first retry, doubled each time
	reconnectMost  = time.Minute
	maxTries       = 8                // rounds of dials without a new hint; then a beacon or peer exchange starts it again
	longLink       = 10 * time.Second // how long a link must have lasted for the wait after it to be short
	refusedPause   = time.Minute      // not dialled after it refused us
	refusedAlone   = placeEvery       // the same while we have no link, and it no place for us
)

// Hint says how a peer may be reached: a beacon or another peer said so, from whose source it came, and it may be
// wrong. It ends a running wait for that peer.
func (m *Mesh) Hint(key identity.Key, routes []Route, from standing.Source) {
	if key == m.self || len(routes) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	from = from.Shared()
	p := m.peerLocked(key, from)
	if p == nil {
		return
	}
	if announces := func(r Route) bool { return m.cfg.Source(addrOf(r)).Shared() == from }; !p.wasLinked && p.hintedBy != from && slices.ContainsFunc(routes, announces) {
		// The peer announces itself. A source that named it before must not hold up its dials.
		m.countHintLocked(p.hintedBy, -1)
		m.countHintLocked(from, 1)
		p.hintedBy = from
	}
	p.heardOf = time.Now()
	if p.apartSince.IsZero() {
		p.apartSince = p.heardOf
	}
	p.addRoutesLocked(routes...)
	m.reconnectLocked(p, m.dialDelay(p))
}

// dialDelay returns how long we wait before we dial, which the smaller key does so that dials rarely cross.
func (m *Mesh) dialDelay(p *peer) time.Duration {
	if m.self.Compare(p.key) > 0 {
		return 0
	}
	return smallerKeyDelay
}

// reconnectLocked starts to dial p after a wait, if that makes sense. If a goroutine does so already, its
// wait ends.
func (m *Mesh) reconnectLocked(p *peer, wait time.Duration) {
	switch {
	case !m.wantsLinkLocked(p) || m.leavesAloneLocked(p) || len(p.routes) == 0:
	case p.reconnecting:
		p.endWait()
	default:
		p.reconnecting = m.group.Go("mesh/reconnect", func(context.Context) { m.reconnect(p, wait) })
	}
}

// leavesAloneLocked reports whether p has refused us, or sent us away, and isn't to be dialled yet. A peer that had no
// place for us is asked again soon while we have no link at all.
func (m *Mesh) leavesAloneLocked(p *peer) bool {
	now := time.Now()
	return now.Before(p.notBefore) && (m.links > 0 || !p.wasFull || now.Sub(p.triedAt) < refusedAlone)
}

// wantsLinkLocked reports whether p should be dialled.
func (m *Mesh) wantsLinkLocked(p *peer) bool {
	return !p.up && !p.forgotten && p.blockedBy == 0 && p.replacedBy == 0 && !m.closed && !m.isFullLocked() &&
		!time.Now().Before(p.expelledUntil)
}

// reconnect dials p in rounds, with longer and longer waits between them.
func (m *Mesh) reconnect(p *peer, wait time.Duration) {
	for try := 0; try < maxTries; try++ {
		hinted, ok := m.awaitRound(p, wait)
		if !ok || try == 0 && !m.yield(p) {
			break
		}
		if hinted {
			try = 0
		}
		if m.dialRoutes(p) {
			break
		}
		wait = backoff(try)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	again := p.lostAgain
	p.reconnecting, p.lostAgain = false, false
	select {
	case <-p.wake: // since the last look at it
		again = true
	default:
	}
	if again {
		m.reconnectLocked(p, backoff(p.shortLinks)+m.dialDelay(p))
	}
}

// awaitRound waits for the next round of dials: for d, or until a hint ends the wait. It never waits less
// than a second after the last round, however many hints there are. It reports false when the mesh ends, or the peer is
// forgotten.
func (m *Mesh) awaitRound(p *peer, d time.Duration) (hinted, ok bool) {
	m.mu.Lock()
	least := time.Until(p.triedAt.Add(reconnectFirst))
	m.mu.Unlock()
	end := time.Now().Add(d)
	if !group.Sleep(p.ctx, least, nil) || !group.Sleep(p.ctx, time.Until(end), p.wake) {
		return false, false
	}
	if left := time.Until(end); left > 0 {
		return true, group.Sleep(p.ctx, min(left, m.dialDelay(p)), nil)
	}
	return false, true
}

// dialRoutes dials p's routes in turn. It reports whether reconnect is done: p is linked, has refused us,
// or needs no link any more.
func (m *Mesh) dialRoutes(p *peer) (done bool) {
	m.mu.Lock()
	p.lostAgain = false
	wanted := m.wantsLinkLocked(p)
	routes := slices.Clone(p.routes)
	places, hintedBy := m.hinted, p.hintedBy
	if p.wasLinked {
		places = m.dials
	}
	m.mu.Unlock()
	// Beacons come over IPv6 too. An address with a zone means something on this machine only: it can't be
	// shown or passed on, so it is the last to be tried.
	slices.SortStableFunc(routes, func(a, b Route) int {
		return cmp.Compare(len(addrOf(a).Zone()), len(addrOf(b).Zone()))
	})
	refused, full := false, false
	for _, r := range routes {
		if !wanted {
			return true
		}
		d := dial{m: m, ctx: p.ctx, route: r, expect: p.key, places: places}
		if places == m.hinted {
			d.hintedBy = hintedBy
		}
		err := d.run()
		m.release(d.peer)
		if err == nil {
			return true
		}
		if errors.Is(err, errLinked) {
			break // by a dial that crossed ours, or by a dial of Connect that waits for the Hello
		}
		m.cfg.Log.Info("dial", "route", r, "error", err)
		// If someone else said that the key is there, the one who answers did nothing wrong.
		announced := places != m.hinted || hintedBy == m.cfg.Source(addrOf(r))
		if errors.Is(err, link.ErrWrongKey) && announced && p.wrongKeyAt != r.String() {
			p.wrongKeyAt = r.String()
			m.cfg.Handler.Trouble(r.String(), err)
		}
		var bye *link.ByeError
		if errors.As(err, &bye) && bye.Reason == wire.ByeFull {
			full = true
			if m.noteFull(r) {
				m.cfg.Handler.Trouble(r.String(), err)
			}
		}
		// A peer that refused us on one route may take us on the next: of two runs with one key only one
		// does.
		refused = refused || errors.Is(err, errRefused) || bye != nil && bye.Reason != wire.ByeDuplicate
		m.mu.Lock()
		wanted = m.wantsLinkLocked(p)
		m.mu.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.triedAt = time.Now()
	if refused {
		p.notBefore = p.triedAt.Add(refusedPause)
		p.wasFull = full
	}
	return refused || !m.wantsLinkLocked(p)
}

// noteFull notes that a peer has no place for us. It reports whether the user hears of it: once while there is no link
// at all, and not if Connect dials that route, which reports it too.
func (m *Mesh) noteFull(r Route) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := !m.saidFull && m.links == 0 && m.named[r.String()] == nil
	m.saidFull = m.saidFull || first
	return first
}

// backoff returns 1 s · 2ⁿ, at most a minute, less up to a quarter so that many don't come at once.
func backoff(try int) time.Duration {
	d := min(reconnectFirst<<min(try, 30), reconnectMost)
	return d - rand.N(d/4)
}
