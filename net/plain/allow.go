package plain

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"chat.lan/p2pchat/net/event"
)

// Scope says from where plain peers are allowed: a value of --plain-peers.
type Scope string

// The scopes.
const (
	ScopeLAN      Scope = "lan" // loopback, private and link-local addresses, and the networks of this machine
	ScopeLoopback Scope = "loopback"
	ScopeAll      Scope = "all"
	ScopeOff      Scope = "off"
)

// ParseScope returns the scope that a text names; "" is ScopeLAN.
func ParseScope(text string) (Scope, error) {
	switch s := Scope(text); s {
	case "":
		return ScopeLAN, nil
	case ScopeLAN, ScopeLoopback, ScopeAll, ScopeOff:
		return s, nil
	}
	return "", fmt.Errorf("plain peers %q: use lan, loopback, all or off", text)
}

// Allows reports whether an address is in the scope. networks are those of
// this machine's interfaces.
func (s Scope) Allows(a netip.Addr, networks []netip.Prefix) bool {
	a = a.Unmap()
	switch s {
	case ScopeAll:
		return a.IsValid()
	case ScopeLoopback:
		return a.IsLoopback()
	case ScopeLAN:
		inside := func(n netip.Prefix) bool { return n.Contains(a.WithZone("")) }
		return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || slices.ContainsFunc(networks, inside)
	}
	return false
}

// Enforce asks Allowed, IsNative, CheckName and MuteReason again about all peers, and ends those that may not be
// sent cleartext any more.
func (p *Plain) Enforce() {
	p.json.enforce()
	p.lines.enforce()
	p.json.checkNames()
	p.lines.checkNames()
}

func (j *jsonPeers) enforce() {
	for _, pe := range slices.Collect(j.each) {
		if !j.mayReceive(pe) {
			j.remove(pe, event.Left)
		}
	}
}

func (l *lineClients) enforce() {
	why := l.cfg.MuteReason()
	for _, c := range slices.Collect(l.each) {
		if !l.cfg.Allowed(c.remote.Addr()) || c.named != "" && l.cfg.IsNative("", c.remote) {
			c.hangUp()
		} else {
			c.explainMute(why)
			if why == "" {
				l.reportReader(c)
			}
		}
	}
}

// explainMute tells a line client once why it isn't heard, and once that it is again. While it isn't,
// nothing is written to it either, not even what waits.
func (c *lineClient) explainMute(why string) {
	c.clients.mu.Lock()
	defer c.clients.mu.Unlock()
	if c.muted == (why != "") || c.closing {
		return // why may change while it stays muted: a proposal's label gets longer
	}
	c.muted = !c.muted
	text := "lines are heard again"
	if why != "" {
		c.queue, c.queued = nil, 0
		text = why + ": nothing that you write is heard, and nothing that is said is written to you"
	}
	c.queueLocked(formatLine("p2pchat", text))
}

// dropIfMuted reports whether a message came while cleartext is muted, and then refuses it. c is the line
// client that sent it, nil for a JSON peer.
func (l *lineClients) dropIfMuted(from string, c *lineClient) bool {
	why := l.cfg.MuteReason()
	if why == "" {
		return false
	}
	if c != nil {
		c.explainMute(why)
	}
	l.cfg.Handler.Refused(from, why)
	return true
}

const errDisconnected = "a peer that was disconnected from"

// Disconnect ends the connection to the peer with that id. A line client is hung up on. A JSON peer is neither
// sent to nor heard until ConnectJSON names its address. named is the address of ConnectLine or ConnectJSON
// that reached the peer, if any; ok is false if there is no such peer.
func (p *Plain) Disconnect(id string) (named string, ok bool) {
	for _, c := range slices.Collect(p.lines.each) {
		if c.peer.ID == id {
			c.hangUp()
			p.CancelConnect(c.named)
			return c.named, true
		}
	}
	pe, named := p.json.markDisconnected(id)
	if pe == nil {
		return "", false
	}
	p.CancelConnect(named)
	p.json.remove(pe, event.Left)
	return named, true
}

// markDisconnected notes that nothing is wanted from the peer with that id, and returns it, or nil.
func (j *jsonPeers) markDisconnected(id string) (pe *jsonPeer, named string) {
	for pe := range j.each {
		if pe.ID == id {
			if len(j.disconnected) >= maxRemembered {
				clear(j.disconnected)
			}
			j.disconnected[id] = pe.Addr
			return pe, pe.named
		}
	}
	return nil, ""
}

func (j *jsonPeers) isDisconnected(id string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, is := j.disconnected[id]
	return is
}

// allowAgain undoes Disconnect for the peers that may be at an address that the user named.
func (j *jsonPeers) allowAgain(addr string) {
	at, notIP := netip.ParseAddrPort(addr)
	_, port, _ := net.SplitHostPort(addr)
	j.mu.Lock()
	defer j.mu.Unlock()
	maps.DeleteFunc(j.disconnected, func(_ string, where netip.AddrPort) bool {
		return at == where || notIP != nil && port == strconv.Itoa(int(where.Port()))
	})
}
