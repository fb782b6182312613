// Package plain talks to peers that don't speak the native protocol: the seed's programs (JSON objects
// over TCP), and anything that sends lines (nc, telnet, newline chats). DESIGN.md §5 is the contract.
//
// # One port
//
// The listener's owner hands every accepted connection to Classify, in that connection's own
// goroutine. The first byte that isn't white space decides:
//
//	0x16         TLS: given back to the caller, who speaks native
//	{            seed JSON: objects back to back
//	printable    lines; a first line that is an HTTP request gets 400 and is not shown
//	others       closed
//	none in 3 s  a silent guest: the room is written to it, its first byte still decides
//
// # Two kinds of peers
//
// A JSON peer is an address that objects are sent to, a connection each. It is known from beacons
// (Beacon, Heartbeat, Found), from a Discovery object that came over TCP, or because the user named it
// (ConnectJSON). Nothing in any of these is authenticated, so the address is always the one that the
// packet or connection came from, never the one that it claims; and text is sent there only after two
// beacons or a connection from that address. A guest is a connection that lines are written to; it is
// gone when the connection is.
//
// # Who gets what
//
// Say goes to JSON peers and guests. A guest's line goes to Handler.Said, to the other guests and to
// JSON peers; handing it to native links is the caller's part. A JSON peer dials everybody itself, so
// its line goes only to Handler.Said and to the guests. Guests writes what native peers said.
//
// # Goroutines
//
// Nobody who calls Say, Guests, Beacon, Found, Heartbeat or Peers ever waits for a peer: each has a
// bounded queue, and a goroutine of the group while there is something in it. One goroutine, "plain/watch",
// takes beacons and sees who is late.
package plain

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
)

// Self is who one is, as plain peers are told.
type Self struct {
	ID   string // uuid
	Name string
	Port int // where one listens
}

// Config is what a Plain needs. Identity, Self, Dial and Handler must be set. The functions are called
// from any goroutine and must not block, but for Dial. None of them, nor of the Handler's methods, is
// called with a lock held that Say, Guests, Beacon, Found, Heartbeat and Peers need: so these may be
// called with a lock held that the functions need. The other methods must not.
type Config struct {
	Identity *identity.Identity
	Self     func() Self
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	// Allowed says whether plain peers are allowed at an address now; nil allows all. Call Enforce when
	// its answers change, or Native's.
	Allowed func(netip.Addr) bool
	// IsNative says whether an id or an address is known as native, and so never dialled in clear. The
	// id may be "", the address may be invalid. nil: nobody is.
	IsNative func(id string, addr netip.AddrPort) bool
	// MuteReason says why nothing may be said or heard in clear now, or "" (VOTING.md rule 9). Connections stay
	// open under it, and each guest is told why, once; lines that come are refused with its words. Call
	// Enforce when its answer changes. nil: all may be said.
	MuteReason func() string
	// OmitName says whether guests get one's own lines without one's name before them, as a program for two
	// writes them. nil: with the name.
	OmitName func() bool
	// Reached is told of each success of ConnectLine and ConnectJSON, with line:// or json:// before the
	// address. It must not block. nil: nobody is.
	Reached func(addr string)
	Handler Handler
	Log     *slog.Logger // nil: slog's default
}

// Handler is told what plain peers do.
type Handler interface {
	// Peer says that a peer came, went, is late, or is called or reached otherwise. before is as it
	// was; its ID is "" for a new one, and differs from p.ID if only now the peer said who it is. One
	// call at a time; it must not block.
	Peer(p, before event.Peer)
	// Said is a line of a plain peer. A call that blocks stops reading from that peer. The calls for one
	// connection are in order; others run beside them.
	Said(l event.Line)
	// Refused is something dropped, by whom and why. It must not block.
	Refused(from, reason string)
	// Info is something that a plain peer's program does that has no meaning here; once for each
	// address and form. It must not block.
	Info(from, text string)
	// Undelivered says that lines didn't reach a JSON peer. It comes once, until one does again.
	Undelivered(p event.Peer, lines int, err error)
	// Trouble says that an address of ConnectLine or ConnectJSON can't be reached, for the first time
	// or for another reason.
	Trouble(addr string, err error)
}

// Plain is all plain peers of one participant. Its methods may be called from any goroutine.
type Plain struct {
	cfg     Config
	log     *slog.Logger
	group   *group.Group
	census  census
	sighted chan sighting

	// telling is held over a change of a peer and the Handler.Peer that tells of it, so that these come
	// in the order of the changes. Locked before mu.
	telling sync.Mutex

	mu       sync.Mutex
	peers    map[netip.AddrPort]*peer      // JSON peers, by where they are dialled
	guests   map[*guest]struct{}           // that have joined
	naming   map[string]context.CancelFunc // addresses of Connect…, with their scheme
	told     map[string]struct{}           // Info that was given, by address and form
	dropped  map[string]netip.AddrPort     // ids of those that Drop was called for, and where they were
	progress chan struct{}                 // of await; nil: nobody waits
	busy     int                           // senders and guests that are not done
	leaving  bool
	quiet    chan struct{} // made by Leave; closed when leaving and not busy
}

// New starts to watch for late peers. g owns its goroutines; they end with it.
func New(g *group.Group, cfg Config) *Plain {
	if cfg.Allowed == nil {
		cfg.Allowed = func(netip.Addr) bool { return true }
	}
	if cfg.IsNative == nil {
		cfg.IsNative = func(string, netip.AddrPort) bool { return false }
	}
	if cfg.MuteReason == nil {
		cfg.MuteReason = func() string { return "" }
	}
	if cfg.OmitName == nil {
		cfg.OmitName = func() bool { return false }
	}
	if cfg.Reached == nil {
		cfg.Reached = func(string) {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &Plain{
		cfg: cfg, log: cfg.Log, group: g,
		sighted: make(chan sighting, maxSightings),
		peers:   map[netip.AddrPort]*peer{},
		guests:  map[*guest]struct{}{},
		naming:  map[string]context.CancelFunc{},
		told:    map[string]struct{}{},
		dropped: map[string]netip.AddrPort{},
		quiet:   make(chan struct{}),
	}
	g.Go("plain/watch", p.watch)
	return p
}

// Peers is everybody plain, as far as known now: JSON peers and guests, in the order in which they came.
func (p *Plain) Peers() []event.Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]event.Peer, 0, len(p.peers)+len(p.guests))
	for _, pe := range p.peers {
		if pe.shown {
			out = append(out, pe.Peer)
		}
	}
	for g := range p.guests {
		out = append(out, g.peer)
	}
	slices.SortFunc(out, func(a, b event.Peer) int {
		return cmp.Or(a.Since.Compare(b.Since), a.Addr.Compare(b.Addr))
	})
	return out
}

// Send sends one's own line to all plain peers and returns to how many. signed adds the seed's signature
// where it fits. It never blocks.
func (p *Plain) Send(text string, signed bool) int {
	if p.cfg.MuteReason() != "" {
		return 0
	}
	self := p.cfg.Self()
	l := chat{id: self.ID, name: self.Name, text: text}
	if signed {
		l.signer = p.cfg.Identity
	}
	name := self.Name
	if p.cfg.OmitName() {
		name = ""
	}
	return p.sendAll(l, time.Now()) + p.write(nil, name, text)
}

// WriteToLineClients writes a line that somebody else said to the guests, as `name: text`. It never blocks.
func (p *Plain) WriteToLineClients(name, text string) {
	if p.cfg.MuteReason() == "" {
		p.write(nil, name, text)
	}
}

// allowed reports whether a peer may be spoken to in clear. Called without mu.
func (p *Plain) allowed(pe *peer) bool {
	p.mu.Lock()
	id, addr := pe.ID, pe.Addr
	p.mu.Unlock()
	return p.cfg.Allowed(addr.Addr()) && !p.cfg.IsNative(id, addr)
}

func (p *Plain) refuse(from netip.AddrPort, reason string) {
	p.cfg.Handler.Refused(from.Addr().String(), reason)
}

// release counts down what Leave waits for. Called with mu held.
func (p *Plain) release() {
	p.busy--
	p.settle()
}

// settle tells Leave when everything is done. Called with mu held.
func (p *Plain) settle() {
	if p.leaving && p.busy == 0 {
		select {
		case <-p.quiet:
		default:
			close(p.quiet)
		}
	}
}

// Leave says Exit to the JSON peers, writes what the guests are yet to get, and closes: it returns when
// that is done or ctx has ended. Nothing is said, dialled or accepted after it.
func (p *Plain) Leave(ctx context.Context) {
	id := p.cfg.Self().ID
	p.mu.Lock()
	if !p.leaving {
		p.leaving = true
		p.sayExit(id)
		for g := range p.guests {
			g.hangUp()
		}
		p.settle()
	}
	p.mu.Unlock()
	select {
	case <-p.quiet:
	case <-ctx.Done():
	}
	p.census.close()
}

// addrOf is the address of a connection's end, without the IPv6 form of IPv4.
func addrOf(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	if t, ok := a.(*net.TCPAddr); ok {
		ap = t.AddrPort()
	} else if a != nil {
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
