package plain

import (
	"context"
	"maps"
	"net/netip"
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
	p.json.queueSighting(func() { p.json.markAlive(from.Addr().Unmap(), id, "") })
}

func (j *jsonPeers) queueDiscovery(d wire.Discovery, from netip.AddrPort, how origin) {
	if !d.Native() {
		j.queueSighting(func() { j.register(from.Addr().Unmap(), d, how) })
	}
}

func (j *jsonPeers) queueSighting(handle func()) {
	select {
	case j.sightings <- handle:
	default:
		j.cfg.Log.Debug("too many beacons")
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

// each yields all peers with mu held.
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
