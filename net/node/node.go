// Package node is a running participant: it joins discovery, the mesh of links, the room's records
// and the profile's memory into one thing that can be told to say something and that reports what
// happens as events. It is the only net package that main and the screen use.
//
// The way of a message in: link → (verified) → receive.go → room → event.Queue. And
// out: Say → room signs and appends → every link's live queue. One lock, Node.mu, guards the peers
// and is held over a record's way into the room and the queues, so that each link gets records in
// the order in which the room took them; nothing under it blocks. Events leave through an event.Queue: a slow reader of events fills it, and
// links then stop reading.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/mesh"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/plain/mdns"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Known is what a profile remembers of others; net/profile has one. Safe for concurrent use.
type Known interface {
	NoteName(name string, key identity.Key) (before identity.Key, known bool)
	Verified(key identity.Key) bool
	SetVerified(key identity.Key, on bool) error
	Ignored(id string) bool
	SetIgnored(id string, on bool) error
}

// Network is how a node reaches others; net/memnet's hosts have these methods.
type Network interface {
	Listen(ctx context.Context, network, addr string) (net.Listener, error)
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Config says who a node is and where. Identity, Name, Room, Events and Log must be set.
type Config struct {
	Identity      *identity.Identity
	Name          string
	Room          string
	Listen        string   // host:port; ":8080" is dual-stack
	NextPort      bool     // an occupied port: take the next free one
	Connect       []string // host:port, line://host:port, json://host:port, retried for ever
	Interfaces    []string // limits discovery and the listener; empty: all
	NoDiscovery   bool
	DiscoveryPort int
	PlainPeers    plain.Scope       // from where plain peers are allowed; "": the local network
	Bare          bool              // to an only peer who speaks lines, write one's lines without one's name
	NoMDNS        bool              // don't announce and look by mDNS beside discovery
	Remembered    []string          // addresses that were reached in earlier runs, dialled as Connect's are
	Reached       func(addr string) // an address of Connect was reached; may be nil, must not block
	Forget        func(addr string) // whoever was reached there was disconnected from; may be nil
	Agent         string
	Profile       string
	Known         Known         // nil: nothing is remembered
	Store         store.Store   // the caller closes it, after Close; nil: one in memory
	Keep          time.Duration // older records are deleted; 0: none
	Share         time.Duration // of the past, with keys never met (strangers.go); 0: ShareDefault
	Events        *event.Queue  // Ready comes first; the caller runs and closes it
	Log           *slog.Logger

	Network   Network             // nil: the machine's
	Transport discovery.Transport // nil: UDP

	now    func() time.Time // the clock that records are stamped by; nil: the machine's
	window int              // bytes of bodies in memory; 0: room.DefaultBytes
}

// Node is a running participant. Its methods may be called from any goroutine.
type Node struct {
	cfg     Config
	group   *group.Group
	accept  *accept.Port
	mesh    *mesh.Mesh
	tcp     mesh.TCP
	room    *room.Room
	planner *room.Planner
	box     *votes.Records
	finder  *discovery.Service
	udp     discovery.Transport
	plain   *plain.Plain
	mdns    *mdns.Service
	events  *event.Queue
	inst    string
	port    int
	started time.Time
	ready   chan struct{} // closed when all above is set: what runs beside Start waits for it
	due     chan struct{} // of size 1: something is gathered for the clock

	replaced atomic.Bool // it was told that this profile runs elsewhere

	mu      sync.Mutex
	name    string
	peers   map[identity.Key]*peer
	here    []*peer // those that have a link, in the order in which they came
	refused map[string]int
	network event.Network
	fresh   map[identity.Key]bool // authors whose records came by catching up, until neighbours are told
	news    bool                  // neighbours are to hear to whom we are linked
	changed chan struct{}         // closed and made anew when a link comes, goes, acknowledges or isn't behind any more
	turn    uint64                // numbers frontiers
	closed  bool

	asked       uint64                     // numbers questions for votes
	shown       map[vote.ID]vote.Status    // the state in which each proposal was last posted
	leftOut     map[vote.ID][]identity.Key // of the disputed ones
	learning    time.Time                  // when the first peer came, from whom the policy is learned
	gate        bool                       // the policy is known, or was waited for in vain
	clearCounts map[string]int             // lines in clear that secure-only dropped, by sender
	spoken      int                        // numbers lines in clear

	// Of plain peers (plain.go).
	face         atomic.Pointer[plain.Self]     // who one is, to them; read without mu
	muted        atomic.Pointer[string]         // why nothing may be said in clear, or ""; read without mu
	networks     atomic.Pointer[[]netip.Prefix] // one's own
	surveyed     time.Time                      // when; the clock's
	enforce      bool                           // who may be spoken to in clear is to be asked again
	held         []func() int                   // what goes out in clear when the policy is known
	plainIgnored map[string]bool                // by id
	plainRefused map[string]int                 // by sender and reason
	quiet        map[string]bool                // addresses of earlier runs that weren't reached in this one
	reachedAt    map[string]identity.Key        // addresses of Connect, and who was reached there
	doubles      map[netip.Addr]bool            // where programs with our key were told to be
	store        store.Store
	signing      sync.Mutex                 // held while one's own votes are signed and saved; before mu
	met          map[identity.Key]time.Time // guarded by mu, as all that follows
	toldCut      bool                       // that not all of the past can be had
	names        map[identity.Key]lastName  // of authors, by their records
	unsaved      bool                       // the store lacks something that the room has
	lookedAfter  time.Time                  // by reconcile
	saved        event.Saving               // as it was told last
	lastSaid     event.Line                 // of one's own
	received     int                        // records that came, new or not
}

// Start listens and begins to look for others. Ready is the first event. The error says what is
// in the way: a port that is taken, an address or an interface that isn't there.
func Start(g *group.Group, cfg Config) (*Node, error) {
	n := &Node{
		cfg: cfg, group: g, name: cfg.Name, inst: record.NewFeed().String(), started: time.Now(),
		peers: map[identity.Key]*peer{}, refused: map[string]int{}, changed: make(chan struct{}),
		plainIgnored: map[string]bool{}, plainRefused: map[string]int{}, quiet: map[string]bool{}, reachedAt: map[string]identity.Key{}, doubles: map[netip.Addr]bool{},
		shown: map[vote.ID]vote.Status{}, leftOut: map[vote.ID][]identity.Key{}, clearCounts: map[string]int{},
		fresh: map[identity.Key]bool{}, events: cfg.Events, ready: make(chan struct{}), due: make(chan struct{}, 1),
		store: cfg.Store, met: map[identity.Key]time.Time{}, names: map[identity.Key]lastName{}, lookedAfter: time.Now(),
	}
	if n.cfg.Share == 0 {
		n.cfg.Share = ShareDefault
	}
	if cfg.Network == nil {
		n.cfg.Network = iface.Network{Group: g, Interfaces: cfg.Interfaces}
	}
	n.tcp = n.cfg.Network.DialContext
	certificate, err := cfg.Identity.Certificate()
	if err != nil {
		return nil, err
	}
	listener, err := n.listen(g.Context())
	if err != nil {
		return nil, err
	}
	id := record.OpenRoom(cfg.Room)
	if cfg.now == nil {
		cfg.now = time.Now
	}
	n.room = room.New(id, cfg.Identity, cfg.Name, cfg.now, cfg.window)
	n.planner = room.NewPlanner(n.room, time.Now)
	n.box = votes.NewRecords(id, cfg.Identity)
	if n.store == nil {
		n.store = store.NewMem(id, 0)
	}
	if err := n.load(g.Context()); err != nil {
		listener.Close()
		return nil, fmt.Errorf("read what was said before: %w", err)
	}
	if err := n.discover(g); err != nil {
		listener.Close()
		return nil, err
	}
	n.startPlain()
	n.events.Post(event.Ready{Self: n.Self()})
	n.remembered()
	n.events.Post(event.PolicyChanged{Policy: n.Policy(), First: true})
	if want := portOf(cfg.Listen); want != 0 && want != n.port {
		n.notice(event.Warning, fmt.Sprintf("port %d is in use: listening on %d instead", want, n.port), "--port chooses another")
	}
	n.mesh = mesh.Start(g, mesh.Config{
		Link: link.Config{
			Identity: cfg.Identity, Certificate: certificate, Hello: n.hello,
			Pool: verify.Start(g, 0), Group: g,
		},
		RouteTo: n.tcp.RouteTo, Hashes: n.hashes, Admit: n.admit, Reached: n.reached,
		Handler: n, Log: cfg.Log,
	})
	n.accept = accept.Start(g, accept.Config{
		Listener: listener, Native: n.mesh.Accept, Cleartext: n.plain.Accept, Allowed: n.plainAt,
		Refused: plainHandler{n}.Refused, Log: cfg.Log,
	})
	g.Go("node/clock", n.tick)
	if cfg.Keep > 0 {
		g.Go("node/expire", n.expire)
	}
	if n.udp != nil {
		n.finder = discovery.Start(g, discovery.Config{Transport: n.udp, Self: n.announce, OnAnnouncement: n.sighted, OnStatus: n.searched})
	}
	n.startMDNS()
	close(n.ready)
	n.dialAll()
	return n, nil
}

// listen takes Config.Listen's port, or with NextPort the next free one of twenty.
func (n *Node) listen(ctx context.Context) (net.Listener, error) {
	host, port, err := net.SplitHostPort(n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", n.cfg.Listen, err)
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: port is not a number", n.cfg.Listen)
	}
	for p := first; ; p++ {
		l, err := n.cfg.Network.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(p)))
		if err == nil {
			n.port = l.Addr().(*net.TCPAddr).Port
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen: %w", err)
		}
		if !n.cfg.NextPort || p >= first+20 || p >= 65535 {
			return nil, fmt.Errorf("port %d is in use by another program: choose another with --port", p)
		}
	}
}

func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	p, _ := strconv.Atoi(port)
	return p
}

func (n *Node) hello() wire.Hello {
	n.mu.Lock()
	name := n.name
	n.mu.Unlock()
	return wire.Hello{
		Versions: []int{link.Version}, ID: n.cfg.Identity.Key().ID().String(), Name: name,
		Started: n.started.UnixMilli(), Inst: n.inst, Port: n.port, Agent: n.cfg.Agent,
		Rooms: []wire.InRoom{{Room: n.room.ID().String(), Frontier: n.hash(), Policy: n.policyOnWire()}},
	}
}

func (n *Node) hashes() map[string]string {
	return map[string]string{n.room.ID().String(): n.hash()}
}

// admit refuses peers that are in none of our rooms.
func (n *Node) admit(h wire.Hello) string {
	for _, r := range h.Rooms {
		if r.Room == n.room.ID().String() {
			return ""
		}
	}
	return wire.ByeRoom
}

// Close says goodbye by UDP, to plain peers and on every link, and returns when all links are drained or ctx ends.
// The group's owner then stops the rest.
func (n *Node) Close(ctx context.Context) {
	n.mu.Lock()
	again := n.closed
	n.closed = true
	n.mu.Unlock()
	if again {
		return
	}
	if n.finder != nil {
		_ = n.finder.Goodbye(ctx) // who doesn't hear it finds out from the link
	}
	n.leavePlain(ctx)
	n.accept.Close()
	n.mesh.Close()
	n.until(ctx, func() bool { return len(n.mesh.Links()) == 0 })
	if n.udp != nil {
		n.udp.Close()
	}
}

// until waits for a state of the peers; ready is called with mu held. It reports whether ready held
// before ctx ended.
func (n *Node) until(ctx context.Context, ready func() bool) error {
	for {
		n.mu.Lock()
		if ready() {
			n.mu.Unlock()
			return nil
		}
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wake ends the waits of until, to look again. Called with mu held.
func (n *Node) wake() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *Node) notice(level event.Level, text, hint string) {
	n.events.Post(event.Notice{Level: level, Text: text, Hint: hint})
}
