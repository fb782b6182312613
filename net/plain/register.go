package plain

import (
	"net/netip"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// see takes a Discovery from an address: a new peer, or one that is known. It returns nil if there is
// none: it is ourselves, native, not allowed, or one too many. The ip that d claims is ignored: a
// stranger's word must not make us send to a third party.
func (p *Plain) see(from netip.Addr, d wire.Discovery, how origin) *peer {
	id, name := clip(d.ID, maxID), clip(d.Name, maxName)
	addr := netip.AddrPortFrom(from, d.Port)
	if id == "" || d.Port == 0 || !from.IsValid() || from.IsUnspecified() || from.IsMulticast() || id == p.cfg.Self().ID {
		return nil
	}
	if name == "" {
		name = addr.String()
	}
	switch {
	case p.cfg.IsNative(id, addr):
		p.mu.Lock()
		pe := p.peers[addr]
		p.mu.Unlock()
		if pe != nil {
			p.remove(pe, event.Left) // it has learnt to speak native
		}
		return nil
	case p.isDropped(id):
		return nil
	case !p.cfg.Allowed(from):
		p.cfg.Handler.Refused(from.String(), errNotAllowed.Error())
		return nil
	}
	now := time.Now()
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	if p.leaving {
		p.mu.Unlock()
		return nil
	}
	pe, reason := p.place(addr, id, how, now)
	if pe == nil {
		p.mu.Unlock()
		p.cfg.Handler.Refused(from.String(), reason)
		return nil
	}
	p.tell(pe, func() {
		if pe.Addr != addr { // it has moved
			delete(p.peers, pe.Addr)
			p.peers[addr] = pe
			pe.Addr, pe.beacons, pe.vouched = addr, 0, false
		}
		pe.ID, pe.Name, pe.nameless = id, name, how == byGuess
		pe.alive(now)
		switch how {
		case byBeacon, byMDNS:
			pe.beacons++
			pe.introduce = pe.introduce || how == byMDNS
		default:
			pe.vouched = true
		}
		if pe.introduce && pe.introduced.IsZero() && pe.speakable() {
			p.queueIntroduction(pe)
		}
	})
	return pe
}

// place finds the peer for an address, or makes it. The reason, if any, is why there is none. Called with
// telling and mu held.
func (p *Plain) place(addr netip.AddrPort, id string, how origin, now time.Time) (pe *peer, reason string) {
	pe = p.peers[addr]
	if pe != nil && (pe.ID == id || pe.nameless || now.Sub(pe.heard) >= squatFor) {
		return pe, "" // a program that was started again has a new id
	}
	if pe != nil {
		return nil, "another id at the address of a peer that is there"
	}
	each, elsewhere := 0, (*peer)(nil)
	for where, other := range p.peers {
		if other.ID == id {
			elsewhere = other
		}
		if where.Addr() == addr.Addr() {
			each++
		}
	}
	if elsewhere != nil {
		if elsewhere.State == event.Up {
			// A second way to it, or a liar: it would get every line twice, or somebody else would.
			return nil, "the id of a peer that is there, from another address"
		}
		return elsewhere, ""
	}
	if len(p.peers) >= maxPeers || each >= maxPeersEach && !addr.Addr().IsLoopback() && how < byName {
		return nil, "too many peers"
	}
	pe = &peer{heard: now, Peer: event.Peer{
		ID: id, Kind: event.KindJSON, State: event.Up, Addr: addr, Since: now, Changed: now,
	}}
	p.peers[addr] = pe
	return pe, ""
}
