package plain

import (
	"net"
	"net/netip"

	"chat.lan/p2pchat/net/event"
)

const errDropped = "a peer that was disconnected from"

// Disconnect ends what there is with the peer of that id: a guest is hung up on, a JSON peer is neither spoken
// to nor heard until ConnectJSON names its address. named is the address of ConnectLine or ConnectJSON
// that it was reached at, if any; ok is false if there is no such peer.
func (p *Plain) Disconnect(id string) (named string, ok bool) {
	p.mu.Lock()
	for g := range p.guests {
		if g.peer.ID == id {
			g.hangUp()
			p.mu.Unlock()
			p.CancelConnect(g.named)
			return g.named, true
		}
	}
	var found *peer
	for _, pe := range p.peers {
		if pe.ID == id {
			found = pe
		}
	}
	if found == nil {
		p.mu.Unlock()
		return "", false
	}
	if len(p.dropped) >= maxTold {
		clear(p.dropped)
	}
	p.dropped[id] = found.Addr
	named = found.named
	p.mu.Unlock()
	p.CancelConnect(named)
	p.remove(found, event.Left)
	return named, true
}

// isDropped reports whether a peer was disconnected from.
func (p *Plain) isDropped(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, is := p.dropped[id]
	return is
}

// restore takes back Drop for what may be at an address that the user named. Called with mu held.
func (p *Plain) restore(addr string) {
	at, notIP := netip.ParseAddrPort(addr)
	_, port, _ := net.SplitHostPort(addr)
	for id, where := range p.dropped {
		_, its, _ := net.SplitHostPort(where.String())
		if notIP == nil && at == where || notIP != nil && port == its {
			delete(p.dropped, id)
		}
	}
}
