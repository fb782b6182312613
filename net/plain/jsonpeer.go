package plain

import (
	"net/netip"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// jsonPeer is an address that objects are sent to. jsonPeers.mu guards all of it; the embedded Peer changes
// only while Plain.reporting is held too.
//
//	          beacon, TCP            30 s               60 s
//	(unknown) ───────────▶ up ◀──────────▶ late ──────────────▶ lost (forgotten)
//	                        │   anything     │
//	                        └──── Exit ──────┴────▶ left (forgotten)
type jsonPeer struct {
	event.Peer
	heardAt      time.Time
	beacons      int
	reachable    bool // a connection came from its address, or the user named it
	nameless     bool // it has not said its id yet: id and name are made of its address
	reported     bool // the Handler knows it
	introduce    bool // it finds peers by mDNS, so it hears of us only by an introduction over TCP
	introducedAt time.Time

	named  string    // the address that ConnectJSON was called with
	tookAt time.Time // when it took something last, or sending to it began

	queue    []outgoing
	sending  bool
	readsAll bool // its program reads a connection to the end, and doesn't close it first
	failing  bool // Handler.Undelivered was called
}

// confirmed reports whether text may be sent to the peer: an address in a single datagram may be made up,
// and must not get any.
func (pe *jsonPeer) confirmed() bool { return pe.reachable || pe.beacons >= 2 }

// markAliveLocked notes that something came from the peer: it is up.
func (pe *jsonPeer) markAliveLocked(now time.Time) {
	pe.heardAt = now
	if pe.State != event.Up {
		pe.State, pe.Changed = event.Up, now
	}
}

// change changes a peer and reports it, if anything is different that a person would see.
func (j *jsonPeers) change(pe *jsonPeer, f func()) {
	j.reporting.Lock()
	defer j.reporting.Unlock()
	j.mu.Lock()
	j.changeAndUnlock(pe, f)
}

// changeAndUnlock does what change does, for a caller that holds reporting and mu. It unlocks mu.
func (j *jsonPeers) changeAndUnlock(pe *jsonPeer, f func()) {
	if j.byAddr[pe.Addr] != pe {
		j.mu.Unlock()
		return
	}
	before, reported := pe.Peer, pe.reported
	f()
	after := pe.Peer
	pe.reported = true
	if pe.confirmed() {
		j.sendQueueLocked(pe)
	}
	j.mu.Unlock()
	switch {
	case !reported:
		j.cfg.Handler.Peer(after, event.Peer{})
	case before.ID != after.ID || before.Name != after.Name || before.State != after.State || before.Addr != after.Addr:
		j.cfg.Handler.Peer(after, before)
	}
}

// remove forgets a peer.
func (j *jsonPeers) remove(pe *jsonPeer, state event.State) {
	j.reporting.Lock()
	defer j.reporting.Unlock()
	muted := j.cfg.MuteReason() != "" // asked without mu: see Config
	j.mu.Lock()
	if j.byAddr[pe.Addr] != pe {
		j.mu.Unlock()
		return
	}
	delete(j.byAddr, pe.Addr)
	before := pe.Peer
	pe.State, pe.Changed = state, time.Now()
	if !muted && state == event.Lost {
		j.reportUndeliveredLocked(pe, pe.waitingLocked(), errWaiting)
	}
	pe.queue = nil
	j.progress.notify()
	after, reported := pe.Peer, pe.reported
	j.mu.Unlock()
	if reported {
		j.cfg.Handler.Peer(after, before)
	}
}

// atLocked returns the peers at an address.
func (j *jsonPeers) atLocked(addr netip.Addr) []*jsonPeer {
	var out []*jsonPeer
	for where, pe := range j.byAddr {
		if where.Addr() == addr {
			out = append(out, pe)
		}
	}
	return out
}

// markReachable notes that a connection came from addr: the peers there want to be reached.
func (j *jsonPeers) markReachable(addr netip.Addr) {
	j.mu.Lock()
	var at []*jsonPeer
	for _, pe := range j.atLocked(addr) {
		if !pe.reachable {
			at = append(at, pe)
		}
	}
	j.mu.Unlock()
	for _, pe := range at {
		j.change(pe, func() { pe.reachable = true })
	}
}

// markAlive notes that the peer with this id is there, at this address. A peer that had not said its id has
// this id now, and this name if it isn't "".
func (j *jsonPeers) markAlive(addr netip.Addr, id, name string) {
	id, name = wire.TruncateUTF8(id, maxID), wire.TruncateUTF8(name, maxName)
	if id == "" || id == j.cfg.Self().ID || j.cfg.IsNative(id, netip.AddrPort{}) {
		return // a native peer sends heartbeats too, perhaps from where the user named a seed's program
	}
	j.mu.Lock()
	var found *jsonPeer
	at := j.atLocked(addr)
	for _, pe := range at {
		if pe.ID == id {
			found = pe
		}
	}
	if found == nil && len(at) == 1 && at[0].nameless {
		found = at[0] // the only peer there, which the user named
	}
	j.mu.Unlock()
	if found == nil {
		return
	}
	j.change(found, func() {
		found.markAliveLocked(time.Now())
		if found.nameless && found.ID != id {
			found.ID, found.nameless = id, false
			if name != "" {
				found.Name = name
			}
		}
	})
}

// onExit removes the peer with this id, if its Exit came from its own address.
func (j *jsonPeers) onExit(addr netip.Addr, id string) {
	j.mu.Lock()
	var gone *jsonPeer
	for _, pe := range j.atLocked(addr) {
		if pe.ID == id && !pe.nameless {
			gone = pe
		}
	}
	j.mu.Unlock()
	if gone == nil {
		j.cfg.Handler.Refused(addr.String(), "Exit of a peer that is not known there")
		return
	}
	j.remove(gone, event.Left)
}
