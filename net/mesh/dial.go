package mesh

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// Route is a way to reach a peer. Two routes of the same name are the same.
type Route interface {
	// String returns the route's name, which people see: host:port for TCP.
	String() string
	// Dial opens a connection. It returns early, with an error, when ctx ends.
	Dial(ctx context.Context) (net.Conn, error)
}

// TCP dials routes over TCP: a net.Dialer's DialContext, or that of a network in memory.
type TCP func(ctx context.Context, network, addr string) (net.Conn, error)

// Route returns the route to host:port.
func (t TCP) Route(addr string) Route { return tcpRoute{addr, t} }

// Routes returns the routes to addresses, in their order. Addresses that can't be dialled are left out.
func (t TCP) Routes(addrs ...netip.AddrPort) []Route {
	out := make([]Route, 0, len(addrs))
	for _, a := range addrs {
		if a.IsValid() && a.Port() != 0 {
			out = append(out, t.Route(netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).String()))
		}
	}
	return out
}

// RouteTo returns the route to where the peer of a link listens, or nil if it didn't say where.
func (t TCP) RouteTo(l *link.Link) Route {
	a := l.RemoteAddr()
	if !l.Dialed() {
		a = netip.AddrPortFrom(a.Addr(), uint16(l.Hello().Port))
	}
	for _, r := range t.Routes(a) {
		return r
	}
	return nil
}

type tcpRoute struct {
	addr string
	dial TCP
}

// String implements Route.
func (r tcpRoute) String() string { return r.addr }

// Dial implements Route.
func (r tcpRoute) Dial(ctx context.Context) (net.Conn, error) { return r.dial(ctx, "tcp", r.addr) }

// addrOf returns the IP address in a route's name. It is invalid for a name without one.
func addrOf(r Route) netip.Addr {
	a, _ := netip.ParseAddrPort(r.String())
	return a.Addr().Unmap()
}

const (
	dialWithin      = 5 * time.Second
	smallerKeyDelay = 1500 * time.Millisecond // how long the smaller key waits for the greater key's dial
	hintPenalty     = 250 * time.Millisecond  // a failed dial of a hint holds its place for so much longer
)

// ErrFull is why Connect fails while there are MaxLinks links.
var ErrFull = errors.New("you are connected to as many peers as possible")

// Why else a dial of ours ends once it has reached the peer.
var (
	errBlocked  = errors.New("disconnected from that peer on purpose")
	errReplaced = errors.New("that peer says that this profile runs elsewhere")
	errLinked   = errors.New("linked to that peer already")
	errExpelled = errors.New("that peer was disconnected for a minute, for what it sent")
)

// dial is one attempt at a route.
type dial struct {
	m        *Mesh
	ctx      context.Context // ends when the link isn't wanted any more
	route    Route
	expect   identity.Key // zero: any
	places   *accept.Semaphore
	hintedBy standing.Source // the source of the hint, if it is one
	order    uint64          // number of the Connect, which overrules an earlier Block; 0: a hint
	joins    bool            // to a peer of another partition

	peer     *peer // that was reached, nil if none was; the caller of run releases it
	reserved bool  // peer.opening is ours, while run runs
}

// run dials and makes a link. Without an error the peer is linked, by this dial or by another that
// crossed it. It is called once.
func (d *dial) run() error {
	m, addr := d.m, addrOf(d.route)
	if d.places == m.hinted {
		by := d.hintedBy.Addr()
		if !m.hinters.Enter(d.ctx, by) {
			return context.Cause(d.ctx)
		}
		defer m.hinters.Leave(by)
	}
	if !d.places.Enter(d.ctx, addr) {
		return context.Cause(d.ctx)
	}
	leave := sync.OnceFunc(func() { d.places.Leave(addr) })
	defer leave()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if d.reserved {
			d.peer.opening = false
		}
	}()
	began := time.Now()
	l, err := d.open(leave)
	if err != nil {
		if d.places == m.hinted && d.peer == nil {
			// Hints that lead nowhere must not make us knock somewhere fast, also if the peer is forgotten meanwhile.
			group.Sleep(m.ctx, hintPenalty, nil)
		}
		return err
	}
	return m.adoptOrRefuse(l, began, d.route, d.joins)
}

// open connects and exchanges Hellos. It calls keyProven when the peer's key is proven.
func (d *dial) open(keyProven func()) (*link.Link, error) {
	m := d.m
	ctx, cancel := context.WithTimeout(d.ctx, dialWithin)
	defer cancel()
	conn, err := d.route.Dial(ctx)
	if err != nil {
		return nil, err
	}
	var unwanted error
	cfg := m.cfg.Link
	cfg.RefuseReason = func(key identity.Key) (reason string) {
		keyProven()
		reason, unwanted = d.reserve(key)
		return reason
	}
	if d.joins {
		cfg.Hello = m.joiningHello
	}
	l, err := link.Client(m.group.Context(), conn, cfg, d.expect) // not d.ctx, as in Accept
	if unwanted != nil {
		return nil, unwanted
	}
	return l, err
}

// reserve makes this the one dial that opens a link to key, or says why there shall be none.
func (d *dial) reserve(key identity.Key) (reason string, err error) {
	m := d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.acquireLocked(key)
	d.peer = p
	linked := p.up
	if p.blockedBy != 0 && d.order > p.blockedBy {
		p.blockedBy = 0
		linked = p.up && !(p.link != nil && p.link.Ending()) // there is no need to wait for Block's Bye
	}
	if d.order > p.replacedBy {
		p.replacedBy = 0
	}
	switch {
	case m.closed, d.ctx.Err() != nil:
		return wire.ByeLeaving, context.Canceled
	case p.blockedBy != 0:
		return wire.ByeLeaving, errBlocked
	case p.replacedBy != 0:
		return wire.ByeLeaving, errReplaced
	case linked || p.opening:
		return wire.ByeDuplicate, errLinked
	case time.Now().Before(p.expelledUntil):
		return wire.ByeSignatures, errExpelled
	case m.isFullLocked() && !d.joins:
		return wire.ByeFull, ErrFull
	}
	p.opening, d.reserved = true, true
	return "", nil
}

// ProbeOwnKey dials a route and finds out whether a copy of our profile runs there (see link.ProbeOwnKey). It waits
// for a place among the dials of hints.
func (m *Mesh) ProbeOwnKey(r Route) error {
	addr := addrOf(r)
	if !m.hinted.Enter(m.ctx, addr) {
		return context.Cause(m.ctx)
	}
	defer m.hinted.Leave(addr)
	ctx, cancel := context.WithTimeout(m.ctx, dialWithin)
	defer cancel()
	conn, err := r.Dial(ctx)
	if err != nil {
		return err
	}
	return link.ProbeOwnKey(m.ctx, conn, m.cfg.Link)
}
