package plain

import (
	"net"
	"net/netip"
	"time"

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// register takes a Discovery from an address, and returns its peer: a new one or a known one. It returns nil
// if that is ourselves, native, not allowed, or one too many. It ignores the ip that d claims: a stranger's
// word must not make us send to a third party.
func (j *jsonPeers) register(from netip.Addr, d wire.Discovery, how origin) *jsonPeer {
	id, name := wire.TruncateUTF8(d.ID, maxID), wire.TruncateUTF8(d.Name, maxName)
	addr := netip.AddrPortFrom(from, d.Port)
	if id == "" || d.Port == 0 || !from.IsValid() || from.IsUnspecified() || from.IsMulticast() || id == j.cfg.Self().ID {
		return nil
	}
	if name == "" {
		name = addr.String()
	}
	switch {
	case j.cfg.IsNative(id, addr):
		j.mu.Lock()
		pe := j.byAddr[addr]
		j.mu.Unlock()
		if pe != nil {
			j.remove(pe, event.Left) // it has learnt to speak native
		}
		return nil
	case j.isDisconnected(id):
		return nil
	case !j.cfg.Allowed(from):
		j.cfg.Handler.Refused(from.String(), accept.NotAllowed)
		return nil
	}
	held := j.cfg.CheckName(name, addr)
	now := time.Now()
	j.reporting.Lock()
	defer j.reporting.Unlock()
	j.mu.Lock()
	if j.leaving.Load() {
		j.mu.Unlock()
		return nil
	}
	pe, reason := j.findOrMakeLocked(addr, id, how, now)
	if pe == nil {
		j.mu.Unlock()
		j.cfg.Handler.Refused(from.String(), reason)
		return nil
	}
	j.changeAndUnlock(pe, func() {
		if pe.Addr != addr { // it is new, or has moved
			delete(j.byAddr, pe.Addr)
			j.byAddr[addr] = pe
			pe.Addr, pe.beacons, pe.reachable, pe.proven, pe.unlike = addr, 0, false, false, false
		}
		if pe.ID != id {
			pe.writesAs, pe.reportedHeld = "", false // another program
		}
		pe.ID, pe.Name, pe.nameless = id, name, how == byGuess
		pe.HeldBack = held || pe.writesAs != ""
		pe.markAliveLocked(now)
		switch how {
		case byBeacon, byMDNS:
			pe.beacons++
			pe.introduce = pe.introduce || how == byMDNS
		default:
			pe.reachable, pe.unlike = true, false
		}
		if pe.introduce && pe.introducedAt.IsZero() && pe.confirmed() {
			j.queueIntroductionLocked(pe)
		}
	})
	return pe
}

// findOrMakeLocked returns the peer for an address, or why there is none. A new one isn't in byAddr yet.
func (j *jsonPeers) findOrMakeLocked(addr netip.AddrPort, id string, how origin, now time.Time) (pe *jsonPeer, reason string) {
	pe = j.byAddr[addr]
	if pe != nil && (pe.ID == id || pe.nameless || now.Sub(pe.heardAt) >= idKeptFor) {
		return pe, "" // a program that was started again has a new id
	}
	if pe != nil {
		return nil, "another id at the address of a peer that is there"
	}
	ofAddr, elsewhere := 0, (*jsonPeer)(nil)
	for where, other := range j.byAddr {
		if other.ID == id {
			elsewhere = other
		}
		if where.Addr() == addr.Addr() {
			ofAddr++
		}
	}
	if elsewhere != nil {
		if elsewhere.State == event.Up {
			// Either a second way to the peer, which would get each message twice, or a liar.
			return nil, "the id of a peer that is there, from another address"
		}
		return elsewhere, ""
	}
	if len(j.byAddr) >= maxPeers || ofAddr >= maxPeersOfAddr && !addr.Addr().IsLoopback() && how < byName {
		return nil, "too many peers"
	}
	return &jsonPeer{heardAt: now, Peer: event.Peer{Kind: event.KindJSON, Since: now}}, ""
}

// answerDiscovery takes a Discovery that came over TCP. Ours goes back on the connection, for a program that
// reads it there, and to where the other listens, for one that doesn't.
func (j *jsonPeers) answerDiscovery(conn net.Conn, remote netip.AddrPort, d wire.Discovery) {
	if d.Native() {
		return // it finds us by its own protocol
	}
	pe := j.register(remote.Addr(), d, byTCP)
	if pe == nil {
		return
	}
	if object, err := j.introduction(conn.LocalAddr()); err == nil && j.cfg.MuteReason() == "" {
		_ = conn.SetWriteDeadline(time.Now().Add(closeWithin))
		_, _ = conn.Write(object)
	}
	j.mu.Lock()
	if time.Since(pe.introducedAt) >= introduceEvery {
		j.queueIntroductionLocked(pe)
	}
	j.mu.Unlock()
}

// introduction returns the Discovery that tells a peer over TCP who we are and where we listen.
func (j *jsonPeers) introduction(local net.Addr) ([]byte, error) {
	self := j.cfg.Self()
	return wire.EncodeSeed(wire.Discovery{
		ID: self.ID, Name: wire.TruncateUTF8(self.Name, maxName), IP: accept.AddrPort(local).Addr().WithZone("").String(), Port: uint16(self.Port),
	})
}
