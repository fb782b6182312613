// Package node is a running participant: one process with its key, its port, its links and its rooms.
// It joins discovery, the mesh of links, cleartext peers and the rooms' replicas, and reports what
// happens as events. Of the net packages, the command line starts only this one.
//
// The process knows keys, addresses and names. Messages and votes belong to a room (package replica): node hands
// each frame to the room that it names. Cleartext belongs to the home room, the first one.
//
// The way of a message in: link → (verified) → dispatch.go → replica → event.Queue. And out: Say → replica → every
// link's live queue. A slow reader of events fills the queue, and links then stop reading.
//
// Lock order: Node.renaming, a room's replica, cleartext, Node.mu. Node.mu guards the peers and is held only for
// moments; no room is called under it.
package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
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
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// Network is how a node reaches others; net/memnet's hosts have these methods.
type Network interface {
	Listen(ctx context.Context, network, addr string) (net.Listener, error)
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
	// Networks returns the networks that this machine is connected to directly.
	Networks() []netip.Prefix
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
	Bare          bool              // write local messages without our name to an only line client
	MaxLinks      int               // 0: mesh.MaxLinks
	NoMDNS        bool              // don't announce and look by mDNS beside discovery
	Remembered    []string          // addresses that were reached in earlier runs, dialled as Connect's are
	Reached       func(addr string) // an address of Connect was reached; may be nil, must not block
	Forget        func(addr string) // the peer at an address was disconnected; may be nil
	Agent         string
	Profile       string
	Notices       []event.Notice // posted right behind Ready
	Known         Known          // nil: nothing is remembered
	Store         store.Store    // the caller closes it, after Close; nil: one in memory
	Continue      room.FeedEnd   // the feed of the home room to go on with; zero: none
	History
	Events *event.Queue // Ready comes first; the caller runs and closes it
	Log    *slog.Logger

	Network   Network             // nil: the machine's
	Transport discovery.Transport // nil: UDP

	now    func() time.Time // the clock that records are stamped by; nil: the machine's
	window int              // bytes of bodies in memory; 0: room.DefaultMemory
}

// History says how many of the messages a node keeps and hands on.
type History struct {
	Keep     time.Duration // older records are deleted; 0: none
	RoomSize int           // bytes that a room's authors share; 0: replica.DefaultSize
	Share    time.Duration // how much history a new key gets; 0: replica.ShareDefault
}

// Node is a running participant. Its methods may be called from any goroutine.
type Node struct {
	*Room // the home room, to which typed messages go

	cfg       Config
	group     *group.Group
	events    *event.Queue
	accept    *accept.Port
	mesh      *mesh.Mesh
	tcp       mesh.TCP
	rooms     map[string]*replica.Replica // by id as on the wire
	finder    *finder
	inst      string // names this run
	port      int
	started   time.Time
	ready     chan struct{} // closed when all above is set: what runs beside Start waits for it
	flushDue  chan struct{} // capacity 1: something is gathered for the ticker
	linkDown  chan struct{} // capacity 1: a link went down
	copies    *copies
	relayed   relayed
	impostors *impostors
	exchange  *exchange
	standings *standings

	renaming sync.Mutex // held over a change of the local name; before all other locks

	mu struct {
		sync.Mutex
		name       string
		peers      map[identity.Key]*peer
		linked     []*peer // those that have a link, in the order in which they came
		exchange   exchanging
		refused    map[string]int
		network    event.Network
		quiet      map[string]bool         // addresses of earlier runs that weren't reached in this one
		reachedAt  map[string]identity.Key // addresses that were named, and the key that was reached there; zero: a plain peer
		closed     bool
		expulsions expulsions
	}
}

// Start listens and begins to look for others. Ready is the first event. The error says what is in the
// way: a port that is taken, an address or an interface that isn't there.
func Start(g *group.Group, cfg Config) (*Node, error) {
	n := &Node{
		cfg: cfg, group: g, inst: newInstance(), started: time.Now(), events: cfg.Events,
		ready: make(chan struct{}), flushDue: make(chan struct{}, 1), linkDown: make(chan struct{}, 1),
	}
	n.mu.name, n.mu.peers = cfg.Name, map[identity.Key]*peer{}
	n.mu.refused, n.mu.quiet = map[string]int{}, map[string]bool{}
	n.mu.reachedAt = map[string]identity.Key{}
	n.finder, n.copies, n.relayed, n.impostors = &finder{n: n}, &copies{n: n}, relayed{n}, newImpostors(n)
	n.exchange = &exchange{n}
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
	n.standings = newStandings(n)
	if err = n.openRooms(); err == nil {
		err = n.finder.open()
	}
	if err != nil {
		listener.Close()
		return nil, err
	}
	n.startCleartext()
	n.events.Post(event.Ready{Self: n.Self()})
	for _, notice := range cfg.Notices {
		n.events.Post(notice)
	}
	for _, r := range n.rooms {
		r.Start()
	}
	if want := portOf(cfg.Listen); want != 0 && want != n.port {
		n.notice(event.Warning, fmt.Sprintf("port %d is in use: listening on %d instead", want, n.port), "--port chooses another")
	}
	n.mesh = mesh.Start(g, mesh.Config{
		Link: link.Config{
			Identity: cfg.Identity, Certificate: certificate, Hello: n.hello, Flow: n.standings.flowOnLink,
			Pool: verify.Start(g, 0), Group: g, Pacer: link.NewPacer(n.isPaced),
		},
		RouteTo: n.tcp.RouteTo, Hashes: n.hashes, Admit: n.admit, Reached: n.onReached,
		Level: n.standings.Level, Source: n.standings.sourceOf, MaxLinks: cfg.MaxLinks,
		Handler: n, Log: cfg.Log,
	})
	n.accept = accept.Start(g, accept.Config{
		Listener: listener, Native: n.mesh.Accept, Cleartext: n.cleartext.plain.Accept, Allowed: n.cleartext.allows,
		Refused: plainHandler{n.cleartext}.Refused, Log: cfg.Log,
	})
	g.Go("node/ticker", n.tick)
	n.finder.start()
	close(n.ready)
	n.dialAll()
	return n, nil
}

// newInstance returns a random name for this run, 16 hex digits.
func newInstance() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// openRooms reads what is remembered of the rooms.
func (n *Node) openRooms() error {
	id, c := record.OpenRoom(n.cfg.Room), &cleartext{n: n}
	cfg := replica.Config{
		Identity: n.cfg.Identity, Name: n.cfg.Name, Room: id, Store: n.cfg.Store, Keep: n.cfg.Keep, Share: n.cfg.Share,
		Continue: n.cfg.Continue, Size: n.cfg.RoomSize,
		Events: n.events, Group: n.group, Log: n.cfg.Log, Now: n.cfg.now, Window: n.cfg.window,
		Host: roomHost{c, event.Scope{Room: event.RoomID(id.String())}},
	}
	if cfg.Store == nil {
		cfg.Store = store.NewMem(id, 0)
		cfg.Size = min(cmp.Or(cfg.Size, store.MemCapacity), store.MemCapacity)
	}
	if cfg.Share == 0 {
		cfg.Share = replica.ShareDefault
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	r, err := replica.New(n.group.Context(), cfg)
	if err != nil {
		return err
	}
	n.Room, n.rooms = &Room{r, r.Votes(), c}, map[string]*replica.Replica{r.ID(): r}
	return nil
}

// hello returns what we say first on each link.
func (n *Node) hello() wire.Hello {
	n.mu.Lock()
	name := n.mu.name
	n.mu.Unlock()
	links := len(n.mesh.Links())
	h := wire.Hello{
		Links:    &links,
		Versions: []int{link.Version}, ID: n.cfg.Identity.Key().ID().String(), Name: name,
		Started: n.started.UnixMilli(), Inst: n.inst, Caps: wire.Caps(), Port: n.port, Agent: n.cfg.Agent,
	}
	for _, id := range n.roomIDs() {
		h.Rooms = append(h.Rooms, n.rooms[id].Announce())
	}
	return h
}

// roomIDs returns the ids of our rooms, sorted.
func (n *Node) roomIDs() []string { return slices.Sorted(maps.Keys(n.rooms)) }

// hashes returns the frontier hash of each room, for the pings of a link.
func (n *Node) hashes(l *link.Link) map[string]string {
	out := make(map[string]string, len(n.rooms))
	for id, r := range n.rooms {
		out[id] = r.HashFor(l)
	}
	return out
}

// admit refuses peers that are in none of our rooms.
func (n *Node) admit(h wire.Hello) string {
	if slices.ContainsFunc(h.Rooms, func(in wire.InRoom) bool { return n.rooms[in.Room] != nil }) {
		return ""
	}
	return wire.ByeRoom
}

// Close says goodbye by UDP, to plain peers and on every link, and returns when all links are drained
// or ctx ends. The group's owner then stops the rest.
func (n *Node) Close(ctx context.Context) {
	n.mu.Lock()
	again := n.mu.closed
	n.mu.closed = true
	n.mu.Unlock()
	if again {
		return
	}
	if n.finder.service != nil {
		_ = n.finder.service.Goodbye(ctx) // a peer that doesn't hear it finds out from the link
	}
	n.cleartext.leave(ctx)
	n.accept.Close()
	n.mesh.Close()
	defer n.standings.remember()
	for len(n.mesh.Links()) > 0 && ctx.Err() == nil {
		select {
		case <-n.linkDown:
		case <-ctx.Done():
		}
	}
	if n.finder.udp != nil {
		n.finder.udp.Close()
	}
}

func (n *Node) notice(level event.Level, text, hint string) {
	n.events.Post(event.Notice{Level: level, Text: text, Hint: hint})
}
