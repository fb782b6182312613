// Package mesh is all links of one participant: it accepts and dials, keeps exactly one link to each
// peer, and comes back to peers that were lost (DESIGN.md §4). What is said over the links is the
// Handler's business.
//
// # Who dials
//
// The greater key dials at once, the other after 1.5 s if there is no link by then. A side that has a
// link to a key, or is about to have one, never opens another: when a dial learns who answered, and
// that one is linked already, it says Bye in place of its Hello, and for the other side there was
// never a link. So two links to one peer are of one of three kinds, and in each both sides choose the
// same one (better):
//
//	a later run of the peer       the later run stays; the other is told "replaced"
//	the peer opened a new one     it has lost the old one, which is only half open here: the new one stays
//	crossed dials                 the link that the greater key opened stays
//
// The other link is drained with a Bye, since a plain close would lose messages. That Bye may come
// before the Hello of the link that it speaks for: for 3 s a peer whose only link ends with
// "duplicate" therefore counts as linked, and the Handler sees Up of the one, not a loss.
//
// A peer that says "replaced" knows a later run with our key, of a copied profile: it is neither
// dialled nor let in any more until a Connect. Every peer that the other run reaches says so; one
// that lies about it keeps only itself away.
//
// # Who gets in
//
// Each accepted connection has a goroutine of its own from the start, so nobody holds up Accept. Until
// it is a link it counts as an arrival, of which there are 256 at once and 32 of one address; more are
// closed at once. Where Classify looks first, it counts only once that has found it to be native:
// Classify keeps the limit before. It takes one of the 16 places for handshakes when its first byte is there, at most
// half of them for one address, and leaves it when its key is proven. Loopback is exempt from what is
// said of one address. Dials have places of their own: eight for what the user named and for peers
// that were linked before, and eight for those known by hint only, so that made-up hints can't keep
// real peers waiting.
package mesh

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Limits of DESIGN.md §10.
const (
	MaxLinks          = 128
	MaxHandshakes     = 16  // at once of those accepted, and as many of those dialled
	MaxArrivals       = 256 // connections that are no link yet
	MaxArrivalsOfAddr = 32  // of them from one address, but not from loopback
)

// Handler is told what happens on the links. Its methods are those of link.Handler, under the same
// rules; Up comes before all others of a link, and Down after them. Up and Down of one peer come one
// at a time, in the order in which they happened; they must not block for long, and may call any
// method of the Mesh.
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
	// comparison has had no Up; what came on it is delivered all the same.
	Down(l *link.Link, why error, last bool)
	// Trouble: the address of Connect can't be reached, for the first time or for another reason; or
	// somebody else than who was announced answers at an address (link.ErrWrongKey).
	Trouble(addr string, err error)
}

// Config is what a Mesh needs. All of it but Classify must be set; Link.RefuseReason is the mesh's own.
type Config struct {
	Link     link.Config
	Listener net.Listener // closed by the mesh
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	Hashes   func() map[string]string // frontier hashes, for pings
	Admit    func(wire.Hello) string  // a reason to refuse a peer with Bye, or ""
	Handler  Handler
	Log      *slog.Logger

	// Classify, if set, sees each accepted connection first, in the connection's own goroutine and
	// before it takes a place for handshakes, so that other protocols can share the port. It returns
	// what to speak TLS on, with the bytes that it has read put back, or false if it took the
	// connection over, to close it or to serve it: from then on it is Classify's to close. It must
	// return when ctx ends, which Close does. How many connections may be in it, and how long one may be
	// silent, is up to it. If nil, everything is native and silence is cut after 5 s.
	Classify func(ctx context.Context, conn net.Conn) (native net.Conn, ok bool)

	// Reached, if set, is told of each link to an address of Connect: whose it is. It must not block.
	Reached func(addr string, key identity.Key)
}

// Mesh is safe for concurrent use.
type Mesh struct {
	cfg    Config
	self   identity.Key
	group  *group.Group
	ctx    context.Context // ends with Close: what accepts and dials stops
	cancel context.CancelFunc

	arrivals *gate // accepted, and no link yet
	shaking  *gate // of those, in the TLS handshake
	ordered  *gate // dials of Connect and to peers that were linked before
	hinted   *gate // dials to others

	excess atomic.Int64 // connections closed at once

	mu     sync.Mutex
	peers  map[identity.Key]*peer
	named  map[string]context.CancelFunc // ends what Connect does for an address
	links  int                           // peers that are up
	orders uint64                        // numbers Connect, Block and "replaced", to tell which came last
	closed bool
}

// Start accepts and dials until Close, or the end of g, which owns its goroutines.
func Start(g *group.Group, cfg Config) *Mesh {
	m := &Mesh{
		cfg: cfg, self: cfg.Link.Identity.Key(), group: g, peers: map[identity.Key]*peer{}, named: map[string]context.CancelFunc{},
		arrivals: newGate(MaxArrivals, MaxArrivalsOfAddr),
		shaking:  newGate(MaxHandshakes, MaxHandshakes/2),
		ordered:  newGate(MaxHandshakes/2, MaxHandshakes/2),
		hinted:   newGate(MaxHandshakes/2, MaxHandshakes/4),
	}
	m.ctx, m.cancel = context.WithCancel(g.Context())
	g.Go("mesh/accept", m.accept)
	return m
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

// Excess is how many accepted connections were closed at once because too many were there.
func (m *Mesh) Excess() int64 { return m.excess.Load() }

// Close stops accepting and dialling and says Bye on every link; it doesn't wait. The links end by
// themselves, drained, and Down tells of each.
func (m *Mesh) Close() {
	m.mu.Lock()
	m.closed = true
	for _, p := range m.peers {
		p.leave(wire.ByeLeaving)
	}
	m.mu.Unlock()
	m.cancel()
	m.cfg.Listener.Close()
}
