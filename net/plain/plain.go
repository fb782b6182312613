// Package plain talks in cleartext to peers that don't speak the native protocol: the seed's programs (JSON
// objects over TCP), and anything that sends lines (nc, telnet, newline chats).
//
// Package accept owns the port and finds out what a connection speaks; Accept serves it in cleartext.
//
// # The seed's programs: JSON peers
//
// A JSON peer is an address that objects are sent to, each over a connection of its own. An object is one
// write of at most 1,024 bytes, since the seed's programs read once into as many. Longer messages become
// several. The other side closes first, which shows that it has read; the next object follows only then.
// A program that doesn't close within 25 ms reads connections to their end, and from then on we close first.
//
// A JSON peer is known from beacons (HandleBeacon, HandleHeartbeat), from mDNS (HandleFound), from a
// Discovery object that came over TCP, or because the user named it (ConnectJSON). None of these is
// authenticated. So the address is always the one that the packet or the connection came from, never
// the one that it claims. Text is sent there after an object of that peer came over TCP from it, or if the
// user named it. An address that is known only by beacons or by mDNS is probed first, after two of them and
// only once there is something to say (see probe.go). A program that finds others by mDNS or over TCP learns of us by a Discovery that we send, at most every 20 s. It is
// late after 30 s and lost after 60 s in which nothing came. Exit ends it at once, if it comes from the
// peer's own address. A Chat with a signature is shown only if that verifies. Votes of the seed's programs
// mean nothing here; Handler.Info reports them, once for each address.
//
// # Programs that send lines: line clients
//
// A line client is a connection that lines are written to, as "name: text"; it is gone when the connection
// is. What it sends is split at LF or CRLF, and at 4 KiB. Binary data is refused, with all that comes after
// it. A line client that takes nothing for 10 s, or has more than 1 MiB waiting, is dropped.
//
// # Who gets what
//
// Send goes to JSON peers and line clients. A line client's message goes to Handler.Said, to the other line
// clients and to JSON peers; the caller hands it to native links. A JSON peer dials everyone itself, so its
// message goes only to Handler.Said and to the line clients.
//
// A peer whose name CheckName holds back gets nothing but what SendUnsigned sends: see holdback.go.
//
// # Goroutines and locks
//
// Send, WriteToLineClients, Peers and the Handle methods never wait for a peer: each peer has a bounded
// queue, and a goroutine of the group while something is in it. The goroutine "plain/watch" takes beacons
// and notices late peers. JSON peers and line clients have a lock each. Lock order: Plain.reporting, then
// one of these, then that of progress.
package plain

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
)

// Self is how plain peers know us.
type Self struct {
	ID   string // uuid
	Name string
	Port int // where we listen
}

// Config is what a Plain needs. All fields must be set. The functions are called from any goroutine and
// must not block, but for Dial. Neither they nor the Handler's methods are called under a lock that
// Send, WriteToLineClients, Peers or a Handle method needs. So a caller of these, and of no other method,
// may hold a lock that the functions need.
type Config struct {
	Identity *identity.Identity
	Self     func() Self
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	// Allowed reports whether plain peers are allowed at an address now. Call Enforce when its answers
	// change, or IsNative's.
	Allowed func(netip.Addr) bool
	// Networks returns the networks that this machine is connected to directly.
	Networks func() []netip.Prefix
	// BeaconPort is the UDP port that beacons are sent to.
	BeaconPort int
	// IsNative reports whether an id or an address is known as a native peer's, to which nothing is sent
	// in cleartext. The id may be "", the address may be invalid.
	IsNative func(id string, addr netip.AddrPort) bool
	// MuteReason says why nothing may be sent or taken in cleartext now, or "": the room's policy is
	// signed only. Connections stay open under it, and each line client gets the reason, once; lines
	// that come are refused with it. Call Enforce when its answer becomes "" or no longer is.
	MuteReason func() string
	// CheckName follows each name that a plain peer has, or writes under, and where that is. It reports
	// whether the peer gets only what SendUnsigned sends. Call Enforce when its answers change.
	CheckName func(name string, from netip.AddrPort) (holdBack bool)
	// OmitName reports whether line clients get our messages without our name before them, as a program
	// for two writes them.
	OmitName func() bool
	// Reached is called at each success of ConnectLine and ConnectJSON, with line:// or json:// before
	// the address. It must not block.
	Reached func(addr string)
	Handler Handler
	Log     *slog.Logger
}

// Handler takes what plain peers do.
type Handler interface {
	// Peer reports that a peer came, went, is late, or has another name or address. before is how it
	// was; its ID is "" for a new peer, and differs from p.ID if only now the peer said its id. The calls
	// come one at a time and must not block.
	Peer(p, before event.Peer)
	// Said reports a message of a plain peer. A call that blocks stops reading from that peer. The calls
	// for one connection are in order; others run beside them.
	Said(l event.Line)
	// Refused reports what was dropped: from which peer, and why. It must not block.
	Refused(from, reason string)
	// Info reports something that a plain peer's program does and that has no meaning here, once for
	// each address and form. It must not block.
	Info(from, text string)
	// Unlike reports that an address which was only announced doesn't behave like a seed program's, once
	// for each. Nothing is sent there unless ConnectJSON names it. It must not block.
	Unlike(addr netip.AddrPort)
	// ReadsAlong reports that a line client that came by itself, from this address, gets all messages. It must
	// not block.
	ReadsAlong(from netip.Addr)
	// HeldBack reports that a message didn't go to a peer because of CheckName, once for each peer. It must
	// not block.
	HeldBack(p event.Peer)
	// Undelivered reports that messages didn't reach a JSON peer, once until one does again.
	Undelivered(p event.Peer, lines int, err error)
	// Trouble reports that an address of ConnectLine or ConnectJSON can't be reached, for the first time
	// or for another reason.
	Trouble(addr string, err error)
}

// Plain is all plain peers of one participant. Its methods may be called from any goroutine.
type Plain struct {
	*shared
	named struct {
		sync.Mutex
		cancel map[string]context.CancelFunc // ends a Connect…, by scheme and address
	}
}

// shared is what JSON peers and line clients have in common.
type shared struct {
	cfg   Config
	group *group.Group

	// reporting is held over a change of a peer and the Handler.Peer call for it, so that these come in
	// the order of the changes.
	reporting sync.Mutex

	json     *jsonPeers
	lines    *lineClients
	leaving  atomic.Bool  // nothing more is dialled, and queues end
	running  atomic.Int64 // senders and line clients that Leave waits for
	progress progress
}

// New starts to watch for late peers. g owns its goroutines, which end with it.
func New(g *group.Group, cfg Config) *Plain {
	sh := &shared{cfg: cfg, group: g}
	sh.json = &jsonPeers{
		shared: sh, sightings: make(chan func(), maxSightings),
		unlike: map[netip.AddrPort]time.Time{}, reportedUnlike: map[netip.Addr]struct{}{},
		byAddr: map[netip.AddrPort]*jsonPeer{}, informed: map[string]struct{}{}, disconnected: map[string]netip.AddrPort{},
	}
	sh.lines = &lineClients{shared: sh, all: map[*lineClient]struct{}{}}
	p := &Plain{shared: sh}
	p.named.cancel = map[string]context.CancelFunc{}
	g.Go("plain/watch", sh.json.watch)
	return p
}

// Peers returns all plain peers that are there, JSON peers and line clients, in the order in which they came.
func (p *Plain) Peers() []event.Peer {
	var out []event.Peer
	for pe := range p.json.each {
		out = append(out, pe.Peer)
	}
	for c := range p.lines.each {
		out = append(out, c.peer)
	}
	slices.SortFunc(out, func(a, b event.Peer) int {
		return cmp.Or(a.Since.Compare(b.Since), a.Addr.Compare(b.Addr))
	})
	return out
}

// Send sends our own message to all plain peers but those held back, and returns to how many. signed adds the
// seed's signature where it fits. It never blocks.
func (p *Plain) Send(text string, signed bool) int { return p.send(text, signed, heldOut) }

// SendUnsigned sends our own message to all plain peers, and returns to how many. It never blocks.
func (p *Plain) SendUnsigned(text string) int { return p.send(text, false, heldIn) }

func (p *Plain) send(text string, signed bool, held heldPeers) int {
	if p.cfg.MuteReason() != "" {
		return 0
	}
	self := p.cfg.Self()
	c := chat{id: self.ID, name: self.Name, text: text}
	if signed {
		c.signer = p.cfg.Identity
	}
	name := self.Name
	if p.cfg.OmitName() {
		name = ""
	}
	return p.json.sendAll(c, time.Now(), held) + p.lines.writeAll(nil, name, text, held)
}

// HasLineClients reports whether anyone would get what WriteToLineClients writes.
func (p *Plain) HasLineClients() bool {
	p.lines.mu.Lock()
	defer p.lines.mu.Unlock()
	return len(p.lines.all) > 0
}

// WriteToLineClients writes a native peer's message to the line clients, as `name: text`. It never
// blocks.
func (p *Plain) WriteToLineClients(name, text string) {
	if p.cfg.MuteReason() == "" {
		p.lines.writeAll(nil, name, text, heldOut)
	}
}

func (s *shared) refuse(from netip.AddrPort, reason string) {
	s.cfg.Handler.Refused(from.Addr().String(), reason)
}

// Leave says Exit to the JSON peers, writes what line clients are yet to get, and ends their connections. It
// returns when that is done or ctx has ended. Nothing is sent or dialled after it.
func (p *Plain) Leave(ctx context.Context) {
	p.running.Add(1) // another call waits for this one
	if !p.leaving.Swap(true) {
		p.json.sendExit(p.cfg.Self().ID)
		for _, c := range slices.Collect(p.lines.each) {
			c.hangUp()
		}
	}
	p.end()
	_ = p.await(ctx, func() bool { return p.running.Load() == 0 })
}

// end notes that something which Leave waits for is done.
func (s *shared) end() {
	s.running.Add(-1)
	s.progress.notify()
}
