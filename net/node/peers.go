package node

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// maxPeers bounds the peers of this run that are remembered, linked or not: whoever can reach the port can
// come with a new key every second.
const maxPeers = 1024

// peer is a key that was linked in this run. Guarded by Node.mu.
type peer struct {
	event.Peer
	session
	lostAt   time.Time
	greeting bool // it was told of

	inst    string      // of its run
	started int64       // ms, by its clock
	namedAt record.Time // of the record that its name is from; zero: from its Hello

	has uint64 // acknowledged of our own feed, as seq+1
	due uint64 // of our own feed, as seq+1, when its last link went down
}

// session is what belongs to one link; it goes with it.
type session struct {
	link  *link.Link // nil: none is up
	hello wire.Hello
	limit map[record.FeedKey]uint64 // where feeds begin for it; nil: where they do (strangers.go)

	links   map[identity.Key]bool // whom it says it is linked to
	page    []room.Holding        // of a Frontier that is not complete
	turn    uint64                // of that Frontier
	unequal int                   // pings in a row whose hash differed
	stuck   bool                  // it took no lines in clear for a while
	waits   bool                  // it asked how far we are, and is to hear when we have what it has
	behind  bool                  // its live queue was full: it pulls until it is level (behind.go)
	told    []room.Holding        // while it is behind: the frontier that it was told last

	differs [2]wire.Policy // theirs and ours when it was last said that they differ

	telling   bool        // a frontier of several pages is on its way to it (frontier.go)
	tellAgain bool        // it is to be told anew after that
	askAgain  bool        // and asked
	bulk      *sync.Mutex // held while its sync queue is filled, without mu

	owed     map[record.FeedKey]bool // feeds that wait for a Have
	patience int                     // pings with another hash until frontiers are compared again, above two

	votesPage vote.Map         // of a Frontier that is not complete
	votes     vote.Map         // what it holds, while it is asked for some of it
	lacked    int              // how much of that was lacking when it was asked last
	answered  []*record.Record // of an answer that is not complete
	frames    int              // of that answer
}

// Up is of mesh.Handler.
func (n *Node) Up(l *link.Link) {
	<-n.ready
	h := l.Hello()
	key := l.Key()
	limit, stranger := n.limits(key)
	n.mu.Lock()
	p := n.peers[key]
	if p == nil {
		if len(n.peers) >= maxPeers {
			n.forgetPeer()
		}
		p = &peer{Peer: event.Peer{ID: key.ID().String(), Key: key, Kind: event.KindNative}}
		n.peers[key] = p
	}
	wasUp := p.link != nil
	if !wasUp {
		n.here = append(n.here, p)
	}
	p.session = session{link: l, hello: h, limit: limit, links: map[identity.Key]bool{}, owed: map[record.FeedKey]bool{}, bulk: new(sync.Mutex)}
	n.planner.RemovePeer(key) // what it was asked over an older link it may never answer
	before, at := p.Name, p.Addr
	p.greet(h)
	p.Agent = h.Agent
	p.Addr = l.RemoteAddr()
	if h.Port != 0 {
		p.Addr = netip.AddrPortFrom(p.Addr.Addr(), uint16(h.Port))
	}
	if n.cfg.Known != nil {
		p.Verified, p.Ignored = n.cfg.Known.Verified(key), n.cfg.Known.Ignored(p.ID)
	}
	now := time.Now()
	if !wasUp {
		p.Since = now
	}
	renamed := ""
	if p.greeting && p.Name != before {
		renamed = before
	}
	if p.State != event.Up || !p.greeting || renamed != "" || p.Addr != at {
		p.State, p.Changed, p.greeting = event.Up, now, true
		n.events.Post(event.PeerChanged{Peer: p.Peer, Renamed: renamed})
		n.recognise(p)
	}
	if frontierOf(h, n.room.ID().String()) == n.hash() {
		n.hasAll(p)
	} else {
		n.tellFrontier(p, true)
	}
	n.learn(p)
	n.enforce = true // it may have been a plain peer until now
	if stranger {
		n.keptBack(p)
	}
	n.linked()
	n.mu.Unlock()
	n.crowd()
}

// forgetPeer makes room for another: of those that have no link, the one that was lost first goes. Called
// with mu held.
func (n *Node) forgetPeer() {
	var oldest *peer
	for _, p := range n.peers {
		if p.link == nil && (oldest == nil || p.lostAt.Before(oldest.lostAt)) {
			oldest = p
		}
	}
	if oldest != nil {
		delete(n.peers, oldest.Key)
	}
}

// linked is called with mu held when a link has come or gone.
func (n *Node) linked() {
	n.news = true
	n.soon()
	n.wake()
}

func frontierOf(h wire.Hello, id string) string {
	for _, r := range h.Rooms {
		if r.Room == id {
			return r.Frontier
		}
	}
	return ""
}

// Down is of mesh.Handler.
func (n *Node) Down(l *link.Link, why error, last bool) {
	var bye *link.ByeError
	isBye := errors.As(why, &bye)
	if isBye && bye.Reason == wire.ByeReplaced && n.replaced.CompareAndSwap(false, true) { // every peer says so
		n.notice(event.Error, "this profile was started elsewhere, and that one goes on", "end one of the two, or give it a profile of its own with --profile")
	}
	n.cfg.Log.Info("link down", "peer", l.Key().Short(), "why", why)
	n.mu.Lock()
	defer n.mu.Unlock()
	defer n.wake()
	p := n.peers[l.Key()]
	if p == nil {
		return
	}
	in, out := l.Bytes()
	p.In, p.Out = p.In+in, p.Out+out
	if !last || p.link != l {
		return
	}
	n.here = slices.DeleteFunc(n.here, func(q *peer) bool { return q == p })
	p.session, p.lostAt = session{}, time.Now()
	if _, seq, any := n.room.OwnFeed(); any {
		p.due = seq + 1
	}
	p.State, p.Changed = event.Lost, time.Now()
	if why == nil || isBye && bye.Reason == wire.ByeLeaving {
		p.State = event.Left
	}
	n.planner.RemovePeer(l.Key())
	if !n.closed { // else it is us who leave
		n.events.Post(event.PeerChanged{Peer: p.Peer})
	}
	n.linked()
}

// State is of mesh.Handler.
func (n *Node) State(l *link.Link, late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.up(l)
	if p == nil {
		return
	}
	p.State, p.Changed = event.Up, time.Now()
	if late {
		p.State = event.Late
	}
	n.events.Post(event.PeerChanged{Peer: p.Peer})
}

// Trouble is of mesh.Handler.
func (n *Node) Trouble(addr string, err error) {
	hint := "it is tried again for ever; is p2pchat running there?"
	switch {
	case errors.Is(err, link.ErrWrongKey):
		// An old address that somebody else has now, or a proxy that listens in: nothing was said to it.
		n.mu.Lock()
		defer n.mu.Unlock()
		reason := "it answers with another key than was announced"
		n.refused[reason]++
		n.events.Post(event.Refused{From: addr, Reason: reason, Count: n.refused[reason]})
		return
	case errors.Is(err, link.ErrOwnKey):
		hint = "that is yourself: name another address"
	case errors.Is(err, link.ErrNotTLS), errors.Is(err, link.ErrTLS):
		hint = "if that isn't p2pchat: name it " + lineScheme + addr + " if it speaks lines, as nc does, or " + jsonScheme + addr + " if it is a seed's program"
	}
	n.cantConnect(addr, err, hint)
}

// Self is who and where this node is.
func (n *Node) Self() event.Self {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.self()
}

func (n *Node) self() event.Self {
	key := n.cfg.Identity.Key()
	return event.Self{ID: key.ID().String(), Key: key, Name: n.name, Room: n.cfg.Room, Port: n.port,
		Fingerprint: key.Fingerprint(), Profile: n.cfg.Profile, Started: n.started}
}

// Peers are all peers of this run: those that are there first, then by name.
func (n *Node) Peers() []event.Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]event.Peer, 0, len(n.peers))
	for _, p := range n.peers {
		out = append(out, p.now())
	}
	out = append(out, n.plainPeers()...)
	rank := map[event.State]int{event.Up: 0, event.Late: 0, event.Lost: 1, event.Left: 2}
	slices.SortFunc(out, func(a, b event.Peer) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// now is the peer with the numbers of its link. Called with Node.mu held.
func (p *peer) now() event.Peer {
	out := p.Peer
	if p.link != nil {
		in, sent := p.link.Bytes()
		out.In, out.Out, out.RTT = out.In+in, out.Out+sent, p.link.RTT()
	}
	return out
}

// Status is the answer to /status.
func (n *Node) Status() event.Status {
	links := len(n.mesh.Links())
	n.mu.Lock()
	defer n.mu.Unlock()
	s := event.Status{Self: n.self(), Up: time.Since(n.started), Links: links, Records: n.room.Count(),
		Dropped: map[string]int{}, Network: n.network, Discovery: n.udp != nil,
		Saving: savingOf(n.store.Status()), Received: n.received}
	for reason, count := range n.refused {
		s.Dropped[reason] = count
	}
	s.Peers = len(n.here)
	for _, p := range n.peers {
		now := p.now()
		s.In, s.Out = s.In+now.In, s.Out+now.Out
	}
	for _, p := range n.plain.Peers() {
		s.Plain++
		s.In, s.Out = s.In+p.In, s.Out+p.Out
	}
	return s
}
