package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/standing"
)

const (
	maxHeld       = 256             // messages of others that wait for the policy to be known, and as many of ours
	networksEvery = 5 * time.Second // how often our own networks are looked up: they are "lan"
	leaveWithin   = 2 * time.Second // how long the goodbye to plain peers may take: an address may have to be probed
	// maxRelayAge is how old a message from catching up may be and still be written to line clients. It
	// was only overtaken on its way.
	maxRelayAge = 10 * time.Second
)

// Errors of Unsigned.
var (
	errSecureOnly    = errors.New("unsigned messages are refused here")
	errPolicyUnknown = errors.New("the room's policy is not yet known: try again in a moment")
)

// cleartext is what is sent and heard without encryption or signature: to and from plain peers (see
// package plain), and the Chat frames of native ones. Nothing of it is a record. Under secure-only
// none is sent and none is shown, and none is sent before the home room's policy is known.
//
// Its methods may be called under a replica's lock. Lock order: cleartext, then Node.mu.
type cleartext struct {
	n        *Node
	plain    *plain.Plain
	self     atomic.Pointer[plain.Self]     // who we are, to plain peers
	networks atomic.Pointer[[]netip.Prefix] // our own
	surveyed time.Time                      // when they were looked up; the ticker's

	enforceDue atomic.Bool  // who may be spoken to must be asked again
	awaited    atomic.Bool  // a native peer has come, from which the policy can be learned
	numbered   atomic.Int64 // numbers cleartext messages

	mu struct {
		sync.Mutex
		known    bool         // the policy is known, or was waited for in vain
		held     []func() int // what goes out when the policy is known
		heldOurs int          // how many of them are our messages

		unsignedAt time.Time // when the person said something unsigned last

		ignored map[string]bool
		refused map[string]int           // by sender and reason
		dropped map[string]int           // messages that secure-only dropped, by sender
		readers map[standing.Source]bool // where line clients that read along came from
	}
}

// startCleartext makes what talks to plain peers.
func (n *Node) startCleartext() {
	c := n.cleartext
	c.mu.readers = map[standing.Source]bool{}
	c.mu.ignored, c.mu.refused, c.mu.dropped = map[string]bool{}, map[string]int{}, map[string]int{}
	c.setSelf(n.cfg.Name)
	c.refreshNetworks()
	c.plain = plain.New(n.group, plain.Config{
		Identity: n.cfg.Identity, Self: func() plain.Self { return *c.self.Load() }, Dial: n.cfg.Network.DialContext,
		Networks: func() []netip.Prefix { return *c.networks.Load() }, BeaconPort: cmp.Or(n.cfg.DiscoveryPort, discovery.Port),
		Allowed: c.allows, IsNative: c.isNative, CheckName: n.impostors.check, MuteReason: c.muteReason, OmitName: c.onlyOnePeer,
		Reached: func(addr string) { n.onReached(addr, identity.Key{}) }, Handler: plainHandler{c}, Log: n.cfg.Log,
	})
}

func (c *cleartext) setSelf(name string) {
	c.self.Store(&plain.Self{ID: c.n.cfg.Identity.Key().ID().String(), Name: name, Port: c.n.port})
}

// allows reports whether plain peers are allowed at an address (--plain-peers).
func (c *cleartext) allows(a netip.Addr) bool {
	scope := c.n.cfg.PlainPeers
	if scope == "" {
		scope = plain.ScopeLAN
	}
	return scope.Allows(a, *c.networks.Load())
}

// refreshNetworks looks up our own networks, unless that was done a moment ago.
func (c *cleartext) refreshNetworks() {
	if time.Since(c.surveyed) < networksEvery {
		return
	}
	own := c.n.cfg.Network.Networks() // if there are none, private and link-local addresses still count
	c.networks.Store(&own)
	c.surveyed = time.Now()
}

// isNative reports whether an id or address is ours or of a native peer of this run, which gets no cleartext.
func (c *cleartext) isNative(id string, at netip.AddrPort) bool {
	n := c.n
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isNativeIDLocked(id) || at.IsValid() && n.isNativeAddrLocked(at)
}

func (n *Node) isNativeIDLocked(id string) bool {
	return id == n.cfg.Identity.Key().ID().String() || n.findPeerLocked(id) != nil
}

// isNativeAddrLocked leaves out peers that left: another program may take their address.
func (n *Node) isNativeAddrLocked(at netip.AddrPort) bool {
	for _, p := range n.mu.peers {
		here := p.link != nil || p.State == event.Relayed || p.State == event.Lost && time.Since(p.lostAt) < seekLostFor
		if here && p.Addr.Port() == at.Port() && p.Addr.Addr().Unmap() == at.Addr().Unmap() {
			return true
		}
	}
	return false
}

// onNativeLinked follows each new link to a native peer, which may have been a plain peer until now. home says that
// it is in the home room, so that the policy can be learned from it. It may be called under Node.mu.
func (c *cleartext) onNativeLinked(home bool) {
	if home {
		c.awaited.Store(true)
	}
	c.enforceDue.Store(true)
}

// onMarked follows what the user says of a native peer: cleartext peers that bear its name may be held back now.
func (c *cleartext) onMarked(p *peer) {
	c.n.mu.Lock()
	name := p.Name
	c.n.mu.Unlock()
	known, standings := c.n.cfg.Known, c.n.standings
	known.NoteName(name, p.Key, standings.Level(p.Key), standings.Source(p.Key, p.Key)) // a verified key takes its name over
	c.enforceDue.Store(true)
	c.n.scheduleFlush()
}

// muteReason returns why nothing may be said in cleartext, or "".
func (c *cleartext) muteReason() string {
	if label, on := c.n.SecureOnly(); on {
		return "unsigned lines refused · policy " + label
	}
	return ""
}

// PolicyChanged implements replica.Host. The counts of dropped messages start anew.
func (c *cleartext) PolicyChanged() {
	c.enforceDue.Store(true)
	c.n.scheduleFlush()
	c.mu.Lock()
	clear(c.mu.dropped)
	c.mu.Unlock()
}

// mayLocked returns why nothing may go out in cleartext now, or nil.
func (c *cleartext) mayLocked() error {
	if label, on := c.n.SecureOnly(); on {
		return fmt.Errorf("%w: policy %s", errSecureOnly, label)
	}
	if !c.mu.known && c.awaited.Load() {
		return errPolicyUnknown
	}
	return nil
}

// whenAllowed runs send at once, or as soon as the policy is known to allow cleartext, or never. It returns the result of
// send, if that ran at once. ours says that the message is ours: others' messages leave space for it.
func (c *cleartext) whenAllowed(ours bool, send func() int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.mayLocked()
	if err == nil {
		return send()
	}
	held := len(c.mu.held) - c.mu.heldOurs
	if ours {
		held = c.mu.heldOurs
	}
	if !errors.Is(err, errPolicyUnknown) || held >= maxHeld {
		return 0
	}
	c.mu.held = append(c.mu.held, send)
	if ours {
		c.mu.heldOurs++
	}
	return 0
}

// PolicyKnown implements replica.Host: it sends what waited for the policy, if it may.
func (c *cleartext) PolicyKnown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.known = true
	held := c.mu.held
	c.mu.held, c.mu.heldOurs = nil, 0
	for _, send := range held {
		if c.mayLocked() == nil {
			send()
		}
	}
}

// onlyOnePeer reports whether messages go without our name, as the person asked, since there is one peer only.
func (c *cleartext) onlyOnePeer() bool {
	c.n.mu.Lock()
	linked := len(c.n.mu.linked)
	c.n.mu.Unlock()
	return c.n.cfg.Bare && linked == 0 && c.CountPlainPeers() == 1
}

func (c *cleartext) SendCleartext(l event.Line) int {
	text := plainText(l)
	return c.whenAllowed(true, func() int { return c.plain.Send(text, true) })
}

// RelayMessage implements replica.Host: it writes a message of someone else to our line clients.
func (c *cleartext) RelayMessage(l event.Line) {
	c.n.relayed.noteAuthor(l)
	if l.Own || l.History && time.Since(l.Time) > maxRelayAge || !c.plain.HasLineClients() {
		return
	}
	name, text := l.FromName, plainText(l)
	c.whenAllowed(false, func() int {
		c.plain.WriteToLineClients(name, text)
		return 0
	})
}

// plainText returns a message's text as plain peers get it.
func plainText(l event.Line) string {
	if l.Me {
		return "* " + l.Text
	}
	return l.Text
}

func (c *cleartext) CountPlainPeers() int { return len(c.plain.Peers()) }

// peers returns the plain peers that are here.
func (c *cleartext) peers() []event.Peer {
	peers := c.plain.Peers()
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range peers {
		peers[i].Ignored = c.mu.ignored[peers[i].ID]
	}
	return peers
}

// safeSenderID returns the id to show a cleartext message under: never our own or a native peer's.
func (c *cleartext) safeSenderID(id string) string {
	const longest = 64
	if len(id) > longest || c.isNative(id, netip.AddrPort{}) {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte("plain:"+id)).String()
	}
	return id
}

// ignore hides the messages of a plain peer, and reports false if that is none. The profile doesn't
// remember it: a plain program has another id at each of its starts.
func (c *cleartext) ignore(id string, on bool) bool {
	for _, p := range c.plain.Peers() {
		if p.ID == id && !c.isNative(id, netip.AddrPort{}) {
			c.mu.Lock()
			c.mu.ignored[id] = on
			c.mu.Unlock()
			p.Ignored = on
			c.n.events.Post(event.PeerChanged{Peer: p})
			return true
		}
	}
	return false
}

// leave says goodbye to plain peers. The port must still be open, or silent line clients would be cut.
func (c *cleartext) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaveWithin)
	defer cancel()
	c.plain.Leave(ctx)
	if c.n.finder.mdns != nil {
		c.n.finder.mdns.Leave()
	}
}
