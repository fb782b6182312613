package mesh

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

const (
	tries   = 8           // rounds of dials without a new hint; then a beacon or peer exchange starts it again
	restFor = time.Minute // not dialled after it refused us
)

// Hint says where a peer may be reached: a beacon or another peer said so, and it may be wrong. It
// ends a running wait for that peer.
func (m *Mesh) Hint(key identity.Key, addrs []netip.AddrPort) {
	if key == m.self || len(addrs) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peer(key)
	p.heard = time.Now()
	p.learn(addrs...)
	m.chase(p, m.yield(p))
}

// yield is how long the greater key's dial is waited for.
func (m *Mesh) yield(p *peer) time.Duration {
	if m.self.Compare(p.key) > 0 {
		return 0
	}
	return yieldFirst
}

// chase starts trying to reach p, if that makes sense, or ends the wait of the goroutine that does.
// Called with mu held.
func (m *Mesh) chase(p *peer, first time.Duration) {
	switch {
	case !m.needed(p) || time.Now().Before(p.rest) || len(p.addrs) == 0:
	case p.chasing:
		p.nudge()
	default:
		p.chasing = m.group.Go("mesh/chase", func(context.Context) { m.run(p, first) })
	}
}

// needed reports whether p should be dialled. Called with mu held.
func (m *Mesh) needed(p *peer) bool {
	return !p.up && !p.forgotten && p.blocked == 0 && p.replaced == 0 && !m.closed && m.links < MaxLinks
}

// run is the chase of p: rounds of dials, with longer and longer waits between them.
func (m *Mesh) run(p *peer, wait time.Duration) {
	for try := 0; try < tries; try++ {
		kicked, ok := m.pause(p, wait)
		if !ok {
			break
		}
		if kicked {
			try = 0
		}
		if m.round(p) {
			break
		}
		wait = backoff(try)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	again := p.again
	p.chasing, p.again = false, false
	select {
	case <-p.kick: // since the last look at it
		again = true
	default:
	}
	if again {
		m.chase(p, backoff(p.brief)+m.yield(p))
	}
}

// pause waits for the next round: for d, or until a hint ends it; but never less than a second after
// the last round, however many hints there are. It reports false when the mesh ends.
func (m *Mesh) pause(p *peer, d time.Duration) (kicked, ok bool) {
	m.mu.Lock()
	least := time.Until(p.tried.Add(reconnectFirst))
	m.mu.Unlock()
	began := time.Now()
	if !group.Sleep(m.ctx, least, nil) {
		return false, false
	}
	rest := d - time.Since(began)
	if rest > 0 {
		began = time.Now()
		if !group.Sleep(m.ctx, rest, p.kick) {
			return false, false
		}
		if left := rest - time.Since(began); left > 0 {
			return true, group.Sleep(m.ctx, min(left, m.yield(p)), nil)
		}
	}
	return false, true
}

// round dials p's addresses in turn. It reports whether the chase is over: p is linked, has refused
// us, or needs no link any more.
func (m *Mesh) round(p *peer) (over bool) {
	m.mu.Lock()
	p.again = false
	needed := m.needed(p)
	addrs := slices.Clone(p.addrs)
	gate := m.hinted
	if p.met {
		gate = m.ordered
	}
	m.mu.Unlock()
	// Beacons come over IPv6 too. An address with a zone means something on this machine only: it can
	// be shown and passed on to nobody, so it is the last to be tried.
	slices.SortStableFunc(addrs, func(a, b netip.AddrPort) int {
		return cmp.Compare(len(a.Addr().Zone()), len(b.Addr().Zone()))
	})
	refused := false
	for _, a := range addrs {
		if !needed {
			return true
		}
		d := dial{m: m, ctx: m.ctx, addr: a.String(), expect: p.key, gate: gate}
		err := d.run()
		d.done()
		if err == nil {
			return true
		}
		if errors.Is(err, errLinked) {
			break // by a dial that crossed ours, or one of Connect that waits for the Hello
		}
		m.cfg.Log.Info("dial", "addr", a, "error", err)
		if errors.Is(err, link.ErrWrongKey) && p.stranger != a {
			p.stranger = a
			m.cfg.Handler.Trouble(a.String(), err)
		}
		// Refused at one address, it may be let in at the next: of two runs with one key only one
		// takes us.
		var bye *link.ByeError
		refused = refused || errors.Is(err, ErrRefused) || errors.As(err, &bye) && bye.Reason != wire.ByeDuplicate
		m.mu.Lock()
		needed = m.needed(p)
		m.mu.Unlock()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p.tried = time.Now()
	if refused {
		p.rest = p.tried.Add(restFor)
	}
	return refused || !m.needed(p)
}

// backoff is 1 s · 2ⁿ, at most a minute, less up to a quarter so that many don't come at once.
func backoff(try int) time.Duration {
	d := min(reconnectFirst<<min(try, 6), reconnectMost)
	return d - rand.N(d/4)
}
