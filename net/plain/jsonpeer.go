package plain

import (
	"context"
	"net"
	"net/netip"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// peer is one JSON peer: an address that objects are sent to. All is guarded by Plain.mu; the embedded
// Peer changes only while Plain.telling is held too.
//
//	          beacon, TCP            30 s               60 s
//	(unknown) ───────────▶ up ◀──────────▶ late ──────────────▶ lost (forgotten)
//	                        │   anything     │
//	                        └──── Exit ──────┴────▶ left (forgotten)
type peer struct {
	event.Peer
	heard      time.Time
	beacons    int
	vouched    bool // a connection came from its address, or the user named it
	nameless   bool // it has not said who it is: its id and name are made of its address
	shown      bool // Handler.Peer was told of it
	introduce  bool // it must be told of us over TCP: it finds peers by mDNS
	introduced time.Time

	named string    // what ConnectJSON was called with
	taken time.Time // when it took something last, or began to be sent to

	queue    []outgoing
	sending  bool
	readsAll bool // its program reads a connection to the end, and doesn't close it first
	failing  bool // Handler.Undelivered was told
}

// speakable reports whether text may go there: an address that somebody else merely wrote into one
// datagram must not get any.
func (pe *peer) speakable() bool { return pe.vouched || pe.beacons >= 2 }

// origin is how something of a peer came.
type origin int

const (
	byBeacon origin = iota
	byMDNS
	byTCP
	byName  // the user gave the address
	byGuess // the same, and it has not said who it is
)

// sighting is a datagram that waits for the watch. A zero Discovery is a heartbeat.
type sighting struct {
	heartbeat string
	discovery wire.Discovery
	from      netip.Addr
	how       origin
}

// HandleBeacon takes a Discovery that came by UDP from an address, whose port is ignored. It never blocks; one
// too many is dropped, for it comes again.
func (p *Plain) HandleBeacon(d wire.Discovery, from netip.AddrPort) {
	p.sight(sighting{discovery: d, from: from.Addr().Unmap(), how: byBeacon})
}

// HandleFound takes what was found by mDNS, in the form of a Discovery. The peer is introduced to over TCP,
// which is how its program learns of others.
func (p *Plain) HandleFound(d wire.Discovery, from netip.AddrPort) {
	p.sight(sighting{discovery: d, from: from.Addr().Unmap(), how: byMDNS})
}

// HandleHeartbeat takes the seed's heartbeat that came by UDP from an address. It never blocks.
func (p *Plain) HandleHeartbeat(id string, from netip.AddrPort) {
	p.sight(sighting{heartbeat: id, from: from.Addr().Unmap()})
}

func (p *Plain) sight(s sighting) {
	select {
	case p.sighted <- s:
	default:
		p.log.Debug("too many beacons", "from", s.from)
	}
}

// watch takes sightings and sees who is late.
func (p *Plain) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := time.Now().Round(0) // wall time, which goes on while the machine sleeps
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-p.sighted:
			if s.heartbeat != "" {
				p.touch(s.from, s.heartbeat, "")
			} else if !s.discovery.Native() {
				p.see(s.from, s.discovery, s.how)
			}
		case <-tick.C:
			now := time.Now().Round(0)
			p.age(now.Sub(last) > asleepAfter)
			last = now
		}
	}
}

// age makes peers late and lost. After a sleep of this machine everybody gets the time again.
func (p *Plain) age(slept bool) {
	now := time.Now()
	var late, lost []*peer
	p.mu.Lock()
	for _, pe := range p.peers {
		if slept {
			pe.heard = now
		}
		switch silent := now.Sub(pe.heard); {
		case silent >= lostAfter:
			lost = append(lost, pe)
		case silent >= lateAfter && pe.State == event.Up:
			late = append(late, pe)
		}
		p.expire(pe, now)
	}
	p.mu.Unlock()
	for _, pe := range late {
		p.change(pe, func() {
			if now.Sub(pe.heard) >= lateAfter {
				pe.State, pe.Changed = event.Late, now
			}
		})
	}
	for _, pe := range lost {
		p.remove(pe, event.Lost)
	}
}

// change changes a peer and tells of it, if anything is different that a person would see.
func (p *Plain) change(pe *peer, f func()) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	p.tell(pe, f)
}

// tell is change, called with telling and mu held. It unlocks mu.
func (p *Plain) tell(pe *peer, f func()) {
	if p.peers[pe.Addr] != pe {
		p.mu.Unlock()
		return
	}
	before, shown := pe.Peer, pe.shown
	f()
	after, speakable := pe.Peer, pe.speakable()
	pe.shown = true
	if speakable {
		p.start(pe)
	}
	p.mu.Unlock()
	switch {
	case !shown:
		p.cfg.Handler.Peer(after, event.Peer{})
	case before.ID != after.ID || before.Name != after.Name || before.State != after.State || before.Addr != after.Addr:
		p.cfg.Handler.Peer(after, before)
	}
}

// remove forgets a peer.
func (p *Plain) remove(pe *peer, state event.State) {
	p.telling.Lock()
	defer p.telling.Unlock()
	mute := p.cfg.MuteReason() != "" // asked without mu: see Config
	p.mu.Lock()
	if p.peers[pe.Addr] != pe {
		p.mu.Unlock()
		return
	}
	delete(p.peers, pe.Addr)
	before := pe.Peer
	pe.State, pe.Changed = state, time.Now()
	if !mute && state == event.Lost {
		p.failed(pe, pe.waiting(), errWaiting)
	}
	pe.queue = nil
	p.moved()
	after, shown := pe.Peer, pe.shown
	p.mu.Unlock()
	if shown {
		p.cfg.Handler.Peer(after, before)
	}
}

// alive is heard of a peer: it is up. Called with mu held, from within change.
func (pe *peer) alive(now time.Time) {
	pe.heard = now
	if pe.State != event.Up {
		pe.State, pe.Changed = event.Up, now
	}
}

// at is the peers at an address. Called with mu held.
func (p *Plain) at(addr netip.Addr) []*peer {
	var out []*peer
	for where, pe := range p.peers {
		if where.Addr() == addr {
			out = append(out, pe)
		}
	}
	return out
}

// vouch: a connection came from addr, so what is at it wants to be reached there.
func (p *Plain) vouch(addr netip.Addr) {
	p.mu.Lock()
	var at []*peer
	for _, pe := range p.at(addr) {
		if !pe.vouched {
			at = append(at, pe)
		}
	}
	p.mu.Unlock()
	for _, pe := range at {
		p.change(pe, func() { pe.vouched = true })
	}
}

// touch: the peer with this id, at this address, is there. One that had not said who it is has this id
// now, and this name if it isn't "".
func (p *Plain) touch(addr netip.Addr, id, name string) {
	id, name = clip(id, maxID), clip(name, maxName)
	if id == "" || id == p.cfg.Self().ID || p.cfg.IsNative(id, netip.AddrPort{}) {
		return // a native peer beats too, and may do so from where a seed's program was named
	}
	p.mu.Lock()
	var found *peer
	at := p.at(addr)
	for _, pe := range at {
		if pe.ID == id {
			found = pe
		}
	}
	if found == nil && len(at) == 1 && at[0].nameless {
		found = at[0] // whom the user named there, and nobody else is
	}
	p.mu.Unlock()
	if found == nil {
		return
	}
	p.change(found, func() {
		found.alive(time.Now())
		if found.nameless && found.ID != id {
			found.ID, found.nameless = id, false
			if name != "" {
				found.Name = name
			}
		}
	})
}

// exit: the peer with this id leaves, if that is said from its own address.
func (p *Plain) exit(addr netip.Addr, id string) {
	p.mu.Lock()
	var gone *peer
	for _, pe := range p.at(addr) {
		if pe.ID == id && !pe.nameless {
			gone = pe
		}
	}
	p.mu.Unlock()
	if gone == nil {
		p.cfg.Handler.Refused(addr.String(), "Exit of a peer that is not known there")
		return
	}
	p.remove(gone, event.Left)
}

// greeted is a Discovery that came over TCP: one of ours goes back, on the connection for a program that
// reads it there, and to where the other listens for one that doesn't.
func (p *Plain) greeted(conn net.Conn, remote netip.AddrPort, d wire.Discovery) {
	if d.Native() {
		return // it finds us by its own protocol
	}
	pe := p.see(remote.Addr(), d, byTCP)
	if pe == nil {
		return
	}
	if object, err := p.introduction(conn.LocalAddr()); err == nil && p.cfg.MuteReason() == "" {
		_ = conn.SetWriteDeadline(time.Now().Add(closeWithin))
		_, _ = conn.Write(object)
	}
	p.mu.Lock()
	if time.Since(pe.introduced) >= introduceEvery {
		p.queueIntroduction(pe)
	}
	p.mu.Unlock()
}

// introduction is the Discovery that tells a peer over TCP who we are and where we listen.
func (p *Plain) introduction(local net.Addr) ([]byte, error) {
	self := p.cfg.Self()
	return wire.EncodeSeed(wire.Discovery{
		ID: self.ID, Name: clip(self.Name, maxName), IP: addrOf(local).Addr().WithZone("").String(), Port: uint16(self.Port),
	})
}
