package memnet

import (
	"net/netip"
	"slices"
	"time"
)

// Host is one machine: its addresses, its bandwidth and the sockets of all its processes. Its Listen and
// DialContext have the signatures of net.ListenConfig.Listen and net.Dialer.DialContext.
type Host struct {
	net *Network

	// Guarded by net.mu.
	addrs     []netip.Addr
	listeners map[*listener]struct{}
	packets   []*Packets
	ports     map[uint16]int // sockets on each local port
	lastPort  uint16
	up, down  line
	cut       bool
}

// AddAddr gives the host another IPv4 address, and takes it from another host that had it.
func (h *Host) AddAddr(addr netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.addAddr(addr)
	h.net.resume()
}

func (h *Host) addAddr(addr netip.Addr) {
	owner := h.net.owner[addr]
	if owner == h {
		return
	}
	if owner != nil {
		owner.removeAddr(addr)
	}
	h.net.owner[addr] = h
	h.addrs = append(h.addrs, addr)
}

// RemoveAddr takes an address from the host. Streams that use it stall until the host gets it back.
func (h *Host) RemoveAddr(addr netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.removeAddr(addr)
}

func (h *Host) removeAddr(addr netip.Addr) {
	if i := slices.Index(h.addrs, addr); i >= 0 {
		h.addrs = slices.Delete(h.addrs, i, i+1)
		delete(h.net.owner, addr)
	}
}

// Addrs returns the host's addresses, without loopback, in the order they were added.
func (h *Host) Addrs() []netip.Addr {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return slices.Clone(h.addrs)
}

// Networks returns the networks that the host is connected to directly: 256 addresses around each of its own.
func (h *Host) Networks() (networks []netip.Prefix) {
	for _, a := range h.Addrs() {
		networks = append(networks, netip.PrefixFrom(a, 24))
	}
	return networks
}

// SetBandwidth limits the stream bytes per second that leave and reach the host from others, all
// connections together; 0 means no limit. At 1 byte a second, single bytes trickle in.
func (h *Host) SetBandwidth(up, down int) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.up, h.down = line{rate: up}, line{rate: down}
	h.net.resume()
}

// line is one direction of a host's bandwidth.
type line struct {
	rate int       // bytes a second; 0 means no limit
	free time.Time // when the bytes booked so far have passed
}

// book reserves the line for size bytes and returns when they have passed.
func (l *line) book(size int, now time.Time) time.Time {
	if l.rate <= 0 {
		return now
	}
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(size) / float64(l.rate) * float64(time.Second)))
	return l.free
}

// quantum returns how many bytes may be booked at a time: 10 ms of the line, so that connections share it.
func (l *line) quantum() int {
	if l.rate <= 0 {
		return Buffer
	}
	return max(1, l.rate/100)
}

// reservePort counts a socket on the next ephemeral port that no socket of the host uses, and returns the
// port. A host never has a socket on each of them.
func (h *Host) reservePort() uint16 {
	const first, last = 32768, 60999 // as on Linux
	for {
		h.lastPort++
		if h.lastPort < first || h.lastPort > last {
			h.lastPort = first
		}
		if h.ports[h.lastPort] == 0 {
			h.ports[h.lastPort]++
			return h.lastPort
		}
	}
}

// release undoes one count of a port.
func (h *Host) release(port uint16) {
	if h.ports[port]--; h.ports[port] <= 0 {
		delete(h.ports, port)
	}
}

// route returns the path of a packet to dst. It leaves from the first address with a way there, else from
// the last.
func (h *Host) route(dst netip.Addr) path {
	p := path{h, h.net.owner[dst], pair{dst, dst}}
	if dst.IsLoopback() {
		p.to = h
	}
	if p.to == h {
		return p
	}
	for _, p.pair.from = range h.addrs {
		if p.passesSegments() {
			break
		}
	}
	return p
}
