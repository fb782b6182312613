package memnet

import (
	"net/netip"
	"slices"
	"syscall"
)

// Partition splits the network: addresses of different groups can't reach each other, and those in no
// group form another. Stream bytes stall, dials hang as if their SYN were lost, datagrams are lost. It
// replaces an earlier partition. An address belongs to the last group that names it.
func (n *Network) Partition(groups ...[]netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.side = make(map[netip.Addr]int)
	for i, g := range groups {
		for _, a := range g {
			n.side[a] = i + 1
		}
	}
	n.resume()
}

// Heal ends the partition. Stalled bytes are sent again and take a latency to arrive. Blocks and cut cables
// stay.
func (n *Network) Heal() { n.Partition() }

// Block silently drops the streams between two addresses, in both directions, as a firewall does;
// datagrams still pass.
func (n *Network) Block(a, b netip.Addr) { n.setBlocked(a, b, true) }

// Unblock undoes Block. Stalled streams go on.
func (n *Network) Unblock(a, b netip.Addr) { n.setBlocked(a, b, false) }

func (n *Network) setBlocked(a, b netip.Addr, blocked bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocked[pair{a, b}] = blocked
	n.blocked[pair{b, a}] = blocked
	n.resume()
}

// Reset breaks every connection between two addresses, as a router that lost its state would: both ends
// get ECONNRESET, and bytes in flight are lost. It returns the number of connections.
func (n *Network) Reset(a, b netip.Addr) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	var count int
	for _, s := range slices.Clone(n.streams) {
		if p := s.ends[0].out.path.pair; p != (pair{a, b}) && p != (pair{b, a}) {
			continue
		}
		count++
		n.traffic.Resets += 2
		s.ends[0].abort(syscall.ECONNRESET)
		s.ends[1].abort(syscall.ECONNRESET)
	}
	return count
}

// BreakConns breaks the host's end of all its connections with ECONNRESET. The peers aren't notified.
func (h *Host) BreakConns() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, s := range slices.Clone(h.net.streams) {
		for _, c := range s.ends {
			if c.host == h {
				c.abort(syscall.ECONNRESET)
			}
		}
	}
}

// Cut pulls the host's cable: it can reach only itself.
func (h *Host) Cut() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.cut = true
}

// Join plugs the cable in again. Stalled streams go on.
func (h *Host) Join() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.cut = false
	h.net.resume()
}

// resume sends stalled bytes again, after a change that may have opened a route.
func (n *Network) resume() {
	for _, s := range slices.Clone(n.streams) {
		for _, c := range s.ends {
			c.out.resume()
		}
	}
}
