package plain

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"chat.lan/p2pchat/net/event"
)

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
