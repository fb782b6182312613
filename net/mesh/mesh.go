// Package mesh is all links of one participant: it accepts and dials, keeps exactly one link to each
// peer, and comes back to peers that were lost (DESIGN.md §4). What is said over the links is the
// Handler's business.
//
// Who dials: the greater key at once, the other after 1.5 s if there is no link by then. Crossed
// dials still happen; when both Hellos are there the two links are compared by a rule that gives both
// sides the same answer, and the loser is drained with a Bye, since a plain close would lose messages.
package mesh

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/guard"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Limits of DESIGN.md §10.
const (
	MaxLinks      = 128
	MaxHandshakes = 16 // at once, dialled and accepted
)

// Handler is told what happens on the links. Its methods are those of link.Handler, under the same
// rules; Up comes before all others of a link, and Down after them.
type Handler interface {
	Record(l *link.Link, r *record.Record)
	Records(l *link.Link, m wire.Records, rs []*record.Record)
	Message(l *link.Link, m wire.Message)
	Frontier(l *link.Link, hashes map[string]string)
	Refused(l *link.Link, reason string)
	Drained(l *link.Link)
	State(l *link.Link, late bool)
	// Up: l is now the link to its peer, in place of the one before if there was one.
	Up(l *link.Link)
	// Down: l ended. last reports whether its peer has no link any more. A link that lost a
	// comparison has had no Up.
	Down(l *link.Link, why error, last bool)
	// Trouble: the address of Connect can't be reached, for the first time or for another reason; or
	// somebody else than who was announced answers at an address (link.ErrWrongKey).
	Trouble(addr string, err error)
}

// Config is what a Mesh needs. All of it must be set.
type Config struct {
	Link     link.Config
	Listener net.Listener // closed by the mesh
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Hashes   func() map[string]string // frontier hashes, for pings
	Admit    func(wire.Hello) string  // a reason to refuse a peer with Bye, or ""
	Handler  Handler
	Log      *slog.Logger
}

// Mesh is safe for concurrent use.
type Mesh struct {
	cfg   Config
	self  identity.Key
	group *guard.Group
	slots chan struct{} // handshakes

	mu       sync.Mutex
	peers    map[identity.Key]*peer
	links    int
	replaced bool // a newer run with our key told us to stop
	closed   bool
}

// peer is one key that was linked or heard of. Guarded by Mesh.mu.
type peer struct {
	key     identity.Key
	link    *link.Link // nil: none
	addrs   []netip.AddrPort
	chasing bool          // a goroutine tries to reach it
	kick    chan struct{} // of size 1: ends the chase's wait
	blocked bool          // /disconnect
	down    chan struct{} // closed when link goes down; new with each link
}

// Start accepts and dials until Close. g owns its goroutines.
func Start(g *guard.Group, cfg Config) *Mesh {
	m := &Mesh{
		cfg: cfg, self: cfg.Link.Identity.Key(), group: g,
		slots: make(chan struct{}, MaxHandshakes),
		peers: map[identity.Key]*peer{},
	}
	g.Go("mesh/accept", m.accept)
	return m
}

func (m *Mesh) accept(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { m.cfg.Listener.Close() })
	defer stop()
	for {
		conn, err := m.cfg.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || ctx.Err() != nil {
				return
			}
			m.cfg.Log.Warn("accept", "error", err) // out of files, perhaps: others will close some
			if !sleep(ctx, time.Second, nil) {
				return
			}
			continue
		}
		if !m.group.Go("mesh/greet", func(ctx context.Context) { m.greet(ctx, conn) }) {
			conn.Close()
		}
	}
}

// greet opens a link over an accepted connection.
func (m *Mesh) greet(ctx context.Context, conn net.Conn) {
	if !m.slot(ctx) {
		conn.Close()
		return
	}
	l, err := link.Server(ctx, conn, m.cfg.Link)
	<-m.slots
	if err != nil {
		m.cfg.Log.Info("refused a connection", "error", err)
		return
	}
	m.adopt(l)
}

// slot takes one of the places for handshakes.
func (m *Mesh) slot(ctx context.Context) bool {
	select {
	case m.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// sleep waits for d, for kick or for the end of ctx, which it reports as false.
func sleep(ctx context.Context, d time.Duration, kick <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-kick:
		return true
	case <-ctx.Done():
		return false
	}
}

// Links are the links that are up.
func (m *Mesh) Links() []*link.Link {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*link.Link, 0, m.links)
	for _, p := range m.peers {
		if p.link != nil {
			out = append(out, p.link)
		}
	}
	return out
}

// Close stops accepting and dialling and says Bye on every link; it doesn't wait. The links end by
// themselves, drained, and Down tells of each.
func (m *Mesh) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.cfg.Listener.Close()
	for _, l := range m.Links() {
		l.Bye(wire.ByeLeaving)
	}
}
