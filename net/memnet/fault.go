package memnet

import (
	"net/netip"
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
			n.side[a.Unmap()] = i + 1
		}
	}
	n.resume()
}

// Heal ends the partition. Stalled bytes are sent again and take a latency to arrive. Blocks and cut cables
// stay.
func (n *Network) Heal() { n.Partition() }

// Block silently drops the streams between two addresses, in both directions, as a firewall does;
// datagrams still pass.
func (n *Network) Block(a, b netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, b = a.Unmap(), b.Unmap()
	n.blocked[pair{a, b}] = true
	n.blocked[pair{b, a}] = true
}

// Unblock undoes Block. Stalled streams go on.
func (n *Network) Unblock(a, b netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, b = a.Unmap(), b.Unmap()
	delete(n.blocked, pair{a, b})
	delete(n.blocked, pair{b, a})
	n.resume()
}

// Reset breaks every connection between two addresses, as a router that lost its state would: both ends
// get ECONNRESET, and bytes in flight are lost. It returns the number of connections.
func (n *Network) Reset(a, b netip.Addr) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, b = a.Unmap(), b.Unmap()
	var count int
	for _, s := range n.listStreams() {
		x, y := s.ends[0], s.ends[1]
		from, to := x.local.Addr(), y.local.Addr()
		if (from != a || to != b) && (from != b || to != a) {
			continue
		}
		count++
		for _, c := range s.ends {
			n.link(c.local.Addr(), c.remote.Addr()).traffic.Resets++
		}
		x.abort(syscall.ECONNRESET)
		y.abort(syscall.ECONNRESET)
	}
	return count
}

// BreakConns breaks the host's end of all its connections with ECONNRESET. The peers aren't notified.
func (h *Host) BreakConns() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	for _, s := range h.net.listStreams() {
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

// Kill ends every process of the host at once. Its connections, listeners, dials and receivers fail with
// net.ErrClosed, undelivered bytes are lost, and each peer gets a reset a latency later. Until Revive the
// host refuses dials, and its own socket calls fail with ENETDOWN, so that code of the dead process can't
// act. For a machine that loses its power, call Cut first: then the peers notice nothing until Join.
func (h *Host) Kill() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dead = true
	for _, s := range h.net.listStreams() {
		for _, c := range s.ends {
			if c.host == h && !c.over() {
				c.out.drop()
				c.shut()
				c.reset()
				s.removeIfOver()
			}
		}
	}
	h.drop()
}

// Revive lets a killed host open sockets again.
func (h *Host) Revive() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.dead = false
}

// datagramsPass reports whether a datagram from a of one host reaches b of another.
func (n *Network) datagramsPass(from *Host, a netip.Addr, to *Host, b netip.Addr) bool {
	if from == to && a.IsLoopback() && b.IsLoopback() {
		return true
	}
	if from == nil || to == nil || n.owner[a] != from || n.owner[b] != to {
		return false
	}
	if from == to {
		return true
	}
	return !from.cut && !to.cut && n.side[a] == n.side[b] && !n.behaviour(n.link(a, b)).Unreachable
}

// segmentsPass reports whether stream segments from a of one host reach b of another.
func (n *Network) segmentsPass(from *Host, a netip.Addr, to *Host, b netip.Addr) bool {
	return n.datagramsPass(from, a, to, b) && (from == to || !n.blocked[pair{a, b}])
}

// resume sends stalled bytes again, after a change that may have opened a route.
func (n *Network) resume() {
	for _, s := range n.listStreams() {
		for _, c := range s.ends {
			c.out.resume()
		}
	}
}
