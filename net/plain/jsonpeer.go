package plain

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// jsonPeers is the seed's programs.
type jsonPeers struct {
	*shared
	sightings chan func() // what datagrams say, for watch

	mu           sync.Mutex
	byAddr       map[netip.AddrPort]*jsonPeer // by where they are dialled
	informed     map[string]struct{}          // Info that was reported, by address and form
	disconnected map[string]netip.AddrPort    // ids that Disconnect was called for, and their addresses

	unlike         map[netip.AddrPort]time.Time // addresses that didn't pass a probe, and when that began
	reportedUnlike map[netip.Addr]struct{}      // hosts that Handler.Unlike was called for
}

// origin is how something of a peer came.
type origin int

const (
	byBeacon origin = iota
	byMDNS
	byTCP
	byName  // the user gave the address
	byGuess // the same, and the peer has not said its id
)

// HandleBeacon takes a Discovery that came by UDP from an address, whose port is ignored. It never blocks;
// it drops beacons that come too fast, since they come again.
func (p *Plain) HandleBeacon(d wire.Discovery, from netip.AddrPort) {
	p.json.queueDiscovery(d, from, byBeacon)
}

// HandleFound takes what was found by mDNS, in the form of a Discovery. We introduce ourselves to the peer
// over TCP, which is how its program learns of others.
func (p *Plain) HandleFound(d wire.Discovery, from netip.AddrPort) {
	p.json.queueDiscovery(d, from, byMDNS)
}

// HandleHeartbeat takes the seed's heartbeat that came by UDP from an address. It never blocks.
func (p *Plain) HandleHeartbeat(id string, from netip.AddrPort) {
	p.json.queueSighting(from, func() { p.json.markAlive(from.Addr().Unmap(), id, "") })
}

func (j *jsonPeers) queueDiscovery(d wire.Discovery, from netip.AddrPort, how origin) {
	if !d.Native() {
		j.queueSighting(from, func() { j.register(from.Addr().Unmap(), d, how) })
	}
}

func (j *jsonPeers) queueSighting(from netip.AddrPort, handle func()) {
	select {
	case j.sightings <- handle:
	default:
		j.cfg.Log.Debug("too many beacons", "from", from)
	}
}

// watch takes sightings and notices late peers.
func (j *jsonPeers) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	last := time.Now().Round(0) // wall time, which goes on while the machine sleeps
	for {
		select {
		case <-ctx.Done():
			return
		case handle := <-j.sightings:
			handle()
		case <-tick.C:
			now := time.Now().Round(0)
			j.markLate(now.Sub(last) > asleepAfter)
			last = now
		}
	}
}

// markLate makes peers late and lost. After this machine slept all peers get the time again.
func (j *jsonPeers) markLate(slept bool) {
	now := time.Now()
	var late, lost []*jsonPeer
	for pe := range j.each {
		if slept {
			pe.heardAt = now
		}
		switch silent := now.Sub(pe.heardAt); {
		case silent >= lostAfter:
			lost = append(lost, pe)
		case silent >= lateAfter && pe.State == event.Up:
			late = append(late, pe)
		}
		j.expireLocked(pe, now)
		j.sendQueueLocked(pe) // its address may be probed again
	}
	for _, pe := range late {
		j.change(pe, func() {
			if now.Sub(pe.heardAt) >= lateAfter {
				pe.State, pe.Changed = event.Late, now
			}
		})
	}
	for _, pe := range lost {
		j.remove(pe, event.Lost)
	}
}

// each yields all peers, under mu.
func (j *jsonPeers) each(yield func(*jsonPeer) bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	maps.Values(j.byAddr)(yield)
}

// mayReceive reports whether a peer may be sent cleartext.
func (j *jsonPeers) mayReceive(pe *jsonPeer) bool {
	j.mu.Lock()
	id, addr := pe.ID, pe.Addr
	j.mu.Unlock()
	return j.cfg.Allowed(addr.Addr()) && !j.cfg.IsNative(id, addr)
}

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
	reachable    bool      // it sent an object over TCP from its address, or the user named it
	proven       bool      // its address passed a probe
	unlike       bool      // its address didn't, the last time
	probedAt     time.Time // when the probe of its address that goes on began
	nameless     bool      // it has not said its id yet: id and name are made of its address
	introduce    bool      // it finds peers by mDNS, so it hears of us only by an introduction over TCP
	introducedAt time.Time

	writesAs     string // a name that is held back and that its messages came under
	reportedHeld bool   // Handler.HeldBack was called

	named  string    // the address that ConnectJSON was called with
	tookAt time.Time // when it had taken fewTaken objects last, or sending to it began
	took   int       // objects that it has taken since

	queue    []outgoing
	sending  bool
	readsAll bool // its program reads a connection to the end, and doesn't close it first
	failing  bool // Handler.Undelivered was called
}

// confirmed reports whether sending to the peer may begin: a single datagram is too little to probe its address for.
func (pe *jsonPeer) confirmed() bool { return pe.trusted() || pe.beacons >= 2 }

// trusted reports whether the peer's address gets text at once. Any other is probed first.
func (pe *jsonPeer) trusted() bool { return pe.reachable || pe.proven }

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
	if before.ID != after.ID || before.Name != after.Name || before.State != after.State || before.Addr != after.Addr || before.HeldBack != after.HeldBack {
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
			j.reportUndeliveredLocked(pe, countMessages(pe.queue), pe.whyWaiting())
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

// markReachable notes that a peer with this id sent an object over TCP from addr: it wants to be reached there. To the
// others there the object is worth a second beacon.
func (j *jsonPeers) markReachable(addr netip.Addr, id string) {
	id = wire.TruncateUTF8(id, maxID)
	j.mu.Lock()
	there := slices.DeleteFunc(j.atLocked(addr), func(pe *jsonPeer) bool { return pe.reachable })
	j.mu.Unlock()
	for _, pe := range there {
		j.change(pe, func() {
			pe.beacons = max(pe.beacons, 2)
			if pe.ID == id {
				pe.reachable, pe.unlike = true, false
			}
		})
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
	held := name != "" && j.cfg.CheckName(name, found.Addr)
	j.change(found, func() {
		found.markAliveLocked(time.Now())
		if found.nameless && found.ID != id {
			found.ID, found.nameless = id, false
			if name != "" {
				found.Name, found.HeldBack = name, held
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
