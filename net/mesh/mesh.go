// Package mesh keeps exactly one link to each peer. It makes links of connections that come in and of
// those that it opens, chooses between two links to one peer, and reconnects to peers that were lost. The
// Handler gets what comes over the links.
//
// # Who dials
//
// The peer with the greater key dials at once, the other after 1.5 s if there is no link by then. While links come up
// one after the other, as when a large room starts, it waits up to 4 s more before its first dial (see yield.go). A side
// that has a link to a key, or is about to have one, never opens another. A dial may learn from the key
// that answers that this peer is linked already. It then says Bye in place of its Hello, and for the other
// side there was never a link. So two links to one peer are of one of three kinds, and in each both
// sides choose the same link (see chooseLocked):
//
//	a later run of the peer       the later run stays; the other gets a Bye "replaced"
//	the peer opened a new one     it has lost the old link, which is only half open here: the new link stays
//	crossed dials                 the link that the greater key opened stays
//
// The other link is drained with a Bye, since a plain close would lose messages. That Bye may come before
// the Hello of the link that takes its place. A peer whose only link ends with "duplicate" therefore counts
// as linked for 3 s more. The Handler then sees Up of the next link, and not a loss.
//
// A peer that says "replaced" knows a later run with our key, which is that of a copied profile. The mesh
// neither dials that peer nor takes its links until a Connect. Every peer that the other run reaches says
// "replaced"; a peer that lies about it keeps only itself away.
//
// # Limits
//
// There are at most 128 links; places.go says who gets them then, and partition.go how the room stays one. Eight dials
// at a time may be to routes that the user named and to peers that were linked before. Eight more may be to peers that
// are known by a hint only, at most four of them to one address, and four that one source caused. A failed one holds its
// place for 250 ms, so that hints cause 32 dials a second at most. At most 1024 peers are known, linked or not. When
// there are too many, one goes of the source that hinted at most. So made-up hints can't keep real peers waiting.
//
// # Routes
//
// A Route is a name and a way to dial. The mesh reads an IP address in a route's name only to share out
// the dials of hints. A carrier other than TCP needs a Route of its own and calls Accept with what it accepts.
package mesh

import (
	"context"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// MaxLinks is how many links there are at most.
const MaxLinks = 128

const (
	maxDials      = 8             // at a time to peers that were linked before and to routes of Connect
	maxHinted     = 8             // at a time to others
	maxHintedAddr = maxHinted / 2 // hinted dials at a time to one address
	maxHintedBy   = maxHinted / 2 // hinted dials at a time that one source caused
)

// Handler takes what happens on the links. The methods that link.Handler has too are called under its
// rules. Up comes before all other calls of a link, and Down after them. Up and Down of one peer come
// one at a time, in the order in which they happened. They must not block for long, and may call any
// method of the Mesh.
type Handler interface {
	Record(l *link.Link, r *record.Record)
	Records(l *link.Link, m wire.Records, rs []*record.Record)
	Message(l *link.Link, m wire.Message)
	Frontier(l *link.Link, hashes map[string]string)
	Refused(l *link.Link, reason string)
	Drained(l *link.Link)
	State(l *link.Link, late bool)
	// Up reports that l is now the link to its peer, in place of the one before if there was one.
	Up(l *link.Link)
	// Down reports that l ended, and whether its peer has no link any more. A link that lost the choice
	// between two has had no Up; all that came on it is delivered nevertheless.
	Down(l *link.Link, why error, last bool)
	// Trouble reports that a route of Connect can't be dialled, for the first time or for another reason. It also
	// reports that another key than expected answers on a route (link.ErrWrongKey), and that a peer has no place for
	// us while we have no link at all.
	Trouble(route string, err error)
}

// Config is what a Mesh needs. All but MaxLinks must be set; the mesh itself sets
// Link.RefuseReason, RefuseHello and Probes.
type Config struct {
	Link    link.Config
	RouteTo func(l *link.Link) Route           // to the peer of a link, or nil if it is unknown
	Hashes  func(*link.Link) map[string]string // frontier hashes, for the pings of a link
	Admit   func(wire.Hello) string            // a reason to refuse a peer with Bye, or ""
	Level   func(identity.Key) standing.Level  // must not block; it is called under the mesh's lock
	Source  func(netip.Addr) standing.Source   // as Level
	Handler Handler
	Log     *slog.Logger

	MaxLinks int // 0: MaxLinks

	// Reached is called for each link to a route of Connect with the peer's key. It must not block.
	Reached func(route string, key identity.Key)
}

// Mesh is safe for concurrent use.
type Mesh struct {
	cfg    Config
	self   identity.Key
	group  *group.Group
	ctx    context.Context // ends with Close: dials stop
	cancel context.CancelFunc

	dials   *accept.Semaphore // to routes of Connect and to peers that were linked before
	hinted  *accept.Semaphore // to others
	hinters *accept.Semaphore // to others too, by the source of the hint

	mu         sync.Mutex
	peers      map[identity.Key]*peer
	hints      map[standing.Source]int       // how many of peers each source hinted at; those that were linked count as the zero source's
	placed     map[standing.Source]time.Time // when a peer with few links got a place that another gave up
	replacedAt time.Time                     // when a hint took the place of another of its source
	named      map[string]context.CancelFunc // cancels Connect to a route
	links      int                           // peers that are up
	saidFull   bool                          // the user knows that a peer had no place for us; until there is a link
	joinAt     time.Time                     // when to dial a peer of another partition; zero while there is none
	joined     time.Time                     // when such a dial made a link last
	recent     recentLinks                   // that came up last
	orders     uint64                        // numbers Connect, Block and "replaced", to compare which came last
	closed     bool
}

// Start makes a Mesh that dials until Close, or the end of g, which owns its goroutines.
func Start(g *group.Group, cfg Config) *Mesh {
	m := &Mesh{
		cfg: cfg, self: cfg.Link.Identity.Key(), group: g,
		peers: map[identity.Key]*peer{}, hints: map[standing.Source]int{}, placed: map[standing.Source]time.Time{}, named: map[string]context.CancelFunc{},
		dials:   accept.NewSemaphore(maxDials, maxDials),
		hinted:  accept.NewSemaphore(maxHinted, maxHintedAddr),
		hinters: accept.NewSemaphore(math.MaxInt, maxHintedBy),
	}
	m.cfg.Link.Probes = &link.Probes{}
	m.ctx, m.cancel = context.WithCancel(g.Context())
	g.Go("mesh/partitions", func(context.Context) { m.joinPartitions() })
	return m
}

// Accept makes a link of a connection that another peer opened, or closes it, and returns when either is
// done. began is when the connection was there. Accept calls keyProven as soon as the peer's key is proven.
func (m *Mesh) Accept(conn net.Conn, began time.Time, keyProven func()) {
	cfg := m.cfg.Link
	cfg.RefuseReason = func(key identity.Key) string {
		keyProven()
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.refusalLocked(m.peers[key])
	}
	cfg.RefuseHello = func(key identity.Key, h wire.Hello) string {
		if !slices.Contains(h.Versions, link.Version) {
			return "" // the link itself refuses it, for the reason that its user can do something about
		}
		if reason := m.cfg.Admit(h); reason != "" {
			return reason // before any other: that we have no place isn't what is in the way
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if p := m.peers[key]; p != nil && p.up {
			return ""
		}
		if _, ok := m.placeForLocked(newcomer{key: key, from: m.cfg.Source(accept.AddrPort(conn.RemoteAddr()).Addr()), hello: h}); !ok {
			return wire.ByeFull
		}
		return ""
	}
	// Not m.ctx: after Close a peer still learns from its Bye that we leave.
	l, err := link.Server(m.group.Context(), conn, cfg)
	if err == nil {
		err = m.adoptOrRefuse(l, began, nil, false)
	}
	if err != nil {
		m.cfg.Log.Info("refused a connection", "error", err)
	}
}

// Links returns the links that are up.
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

// Close stops dialling and says Bye on every link; it doesn't wait. The links end by themselves, drained,
// and Down reports each. Accept refuses what comes afterwards.
func (m *Mesh) Close() {
	m.mu.Lock()
	m.closed = true
	for _, p := range m.peers {
		p.endLinkLocked(wire.Bye{Reason: wire.ByeLeaving})
	}
	m.mu.Unlock()
	m.cancel()
}

// linkHandler is the link.Handler of the mesh's links. All but Down goes straight to the Handler.
type linkHandler struct {
	Handler
	mesh *Mesh
}

// Down implements link.Handler.
func (h linkHandler) Down(l *link.Link, why error) { h.mesh.linkDown(l, why) }
