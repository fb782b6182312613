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
	"chat.lan/p2pchat/net/link"
)

// Times of dialling (DESIGN.md §4).
const (
	dialWithin     = 5 * time.Second
	yieldFirst     = 1500 * time.Millisecond // the lesser key waits for the greater one's dial
	reconnectFirst = time.Second
	reconnectMost  = time.Minute
	tries          = 8 // without a new hint; then a beacon or peer exchange starts it again
	maxAddrs       = 8 // kept per peer, newest first
	maxHinted      = 1024
)

// Hint says where a peer may be reached: a beacon or another peer said so, and it may be wrong. It
// ends a running wait for that peer.
func (m *Mesh) Hint(key identity.Key, addrs []netip.AddrPort) {
	if key == m.self || len(addrs) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.peers[key] == nil && len(m.peers) >= maxHinted {
		return
	}
	p := m.peer(key)
	for _, a := range slices.Backward(addrs) {
		p.addrs = slices.DeleteFunc(p.addrs, func(b netip.AddrPort) bool { return a == b })
		p.addrs = slices.Insert(p.addrs, 0, a)
	}
	p.addrs = p.addrs[:min(len(p.addrs), maxAddrs)]
	first := yieldFirst
	if m.self.Compare(key) > 0 {
		first = 0
	}
	if p.chasing {
		if first == 0 {
			select {
			case p.kick <- struct{}{}:
			default:
			}
		}
		return
	}
	m.chase(p, first)
}

// chase starts trying to reach p, if that makes sense. Called with mu held.
func (m *Mesh) chase(p *peer, first time.Duration) {
	if p.chasing || p.link != nil || p.blocked || m.replaced || m.closed || len(p.addrs) == 0 {
		return
	}
	p.chasing = m.group.Go("mesh/dial", func(ctx context.Context) {
		m.run(ctx, p, first)
		m.mu.Lock()
		p.chasing = false
		m.mu.Unlock()
	})
}

// run dials p's addresses in turn, with longer and longer waits.
func (m *Mesh) run(ctx context.Context, p *peer, wait time.Duration) {
	for try := range tries {
		if !sleep(ctx, wait, p.kick) {
			return
		}
		m.mu.Lock()
		needed := p.link == nil && !p.blocked && !m.replaced && !m.closed
		addrs := slices.Clone(p.addrs)
		m.mu.Unlock()
		// Beacons come over IPv6 too. An address with a zone means something on this machine only:
		// it can be shown and passed on to nobody, so it is the last to be tried.
		slices.SortStableFunc(addrs, func(a, b netip.AddrPort) int {
			return cmp.Compare(len(a.Addr().Zone()), len(b.Addr().Zone()))
		})
		if !needed {
			return
		}
		for _, a := range addrs {
			if l, err := m.dial(ctx, a.String(), p.key); err != nil {
				m.cfg.Log.Info("dial", "addr", a, "error", err)
				if errors.Is(err, link.ErrWrongKey) {
					m.cfg.Handler.Trouble(a.String(), err)
				}
			} else {
				m.adopt(l)
				return
			}
		}
		wait = backoff(try)
	}
}

// backoff is 1 s · 2ⁿ, at most a minute, less up to a quarter so that many don't come at once.
func backoff(try int) time.Duration {
	d := min(reconnectFirst<<min(try, 6), reconnectMost)
	return d - rand.N(d/4)
}

func (m *Mesh) dial(ctx context.Context, addr string, expect identity.Key) (*link.Link, error) {
	if !m.slot(ctx) {
		return nil, ctx.Err()
	}
	defer func() { <-m.slots }()
	dialing, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	conn, err := m.cfg.Dial(dialing, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return link.Client(ctx, conn, m.cfg.Link, expect)
}

// Connect reaches whoever listens at addr (host:port), and comes back to it for ever. What is in the
// way is told to Handler.Trouble.
func (m *Mesh) Connect(addr string) {
	m.group.Go("mesh/connect", func(ctx context.Context) {
		said := ""
		for try := 0; ; try++ {
			l, err := m.dial(ctx, addr, identity.Key{})
			if err != nil {
				if ctx.Err() != nil {
					return
				}
				if err.Error() != said {
					said = err.Error()
					m.cfg.Handler.Trouble(addr, err)
				}
			} else {
				try, said = 0, ""
				m.mu.Lock()
				m.peer(l.Key()).blocked = false
				m.mu.Unlock()
				m.adopt(l)
				if down := m.downOf(l.Key()); down != nil {
					select {
					case <-down:
					case <-ctx.Done():
						return
					}
				}
			}
			m.mu.Lock()
			stop := m.replaced || m.closed
			m.mu.Unlock()
			if stop || !sleep(ctx, backoff(try), nil) {
				return
			}
		}
	})
}

// downOf is closed when the link to key goes down; nil when there is none.
func (m *Mesh) downOf(key identity.Key) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[key]; p != nil && p.link != nil {
		return p.down
	}
	return nil
}

// Block ends the link to key with a Bye and doesn't dial or take that peer again until Connect.
func (m *Mesh) Block(key identity.Key, reason string) bool {
	m.mu.Lock()
	p := m.peers[key]
	if p == nil {
		m.mu.Unlock()
		return false
	}
	p.blocked = true
	l := p.link
	m.mu.Unlock()
	if l != nil {
		l.Bye(reason)
	}
	return true
}
