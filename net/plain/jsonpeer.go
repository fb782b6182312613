package plain

import (
	"net/netip"
	"slices"
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
	if j.byAddr[pe.Addr] != pe { // it was removed
		j.mu.Unlock()
		return
	}
	j.changeAndUnlock(pe, f)
}

// changeAndUnlock does what change does, for a caller that holds reporting and mu. It unlocks mu.
func (j *jsonPeers) changeAndUnlock(pe *jsonPeer, f func()) {
	before := pe.Peer
	f()
	after := pe.Peer
	j.sendQueueLocked(pe)
	j.mu.Unlock()
	if before.ID != after.ID || before.Name != after.Name || before.State != after.State || before.Addr != after.Addr {
		j.cfg.Handler.Peer(after, before)
	}
}

// remove forgets a peer.
func (j *jsonPeers) remove(pe *jsonPeer, state event.State) {
	muted := j.cfg.MuteReason() != "" // asked without mu: see Config
	j.change(pe, func() {
		delete(j.byAddr, pe.Addr)
		pe.State, pe.Changed = state, time.Now()
		if !muted && state == event.Lost {
			j.reportUndeliveredLocked(pe, countMessages(pe.queue), errWaiting)
		}
		pe.queue = nil
		j.progress.notify()
	})
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
	unreached := slices.DeleteFunc(j.atLocked(addr), func(pe *jsonPeer) bool { return pe.reachable })
	j.mu.Unlock()
	for _, pe := range unreached {
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
	at := j.atLocked(addr)
	i := slices.IndexFunc(at, func(pe *jsonPeer) bool { return pe.ID == id })
	if i < 0 && len(at) == 1 && at[0].nameless {
		i = 0 // the only peer there, which the user named
	}
	j.mu.Unlock()
	if i < 0 {
		return
	}
	found := at[i]
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
	var gone *jsonPeer
	for pe := range j.each {
		if pe.Addr.Addr() == addr && pe.ID == id && !pe.nameless {
			gone = pe
		}
	}
	if gone == nil {
		j.cfg.Handler.Refused(addr.String(), "Exit of a peer that is not known there")
		return
	}
	j.remove(gone, event.Left)
}
