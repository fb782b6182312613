package memnet

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Buffer is how many bytes one direction of a stream holds, sent or not, before Write waits.
const Buffer = 256 << 10

// Network is a set of hosts and the links between them.
type Network struct {
	seed uint64

	// mu guards the network and its hosts, streams and packets. Exported methods lock it around all
	// unexported methods and scheduled functions.
	mu        sync.Mutex
	closed    bool
	scheduler scheduler
	hosts     []*Host              // in order of creation, so that broadcasts are deterministic
	owner     map[netip.Addr]*Host // host of each address
	links     map[pair]*link
	def       Link
	streams   []*stream          // until they are over, oldest first
	dials     map[*dial]struct{} // until they are over
	side      map[netip.Addr]int // the partition: group of each address, or 0
	blocked   map[pair]bool      // both directions are present
	traffic   Traffic
}

// Traffic counts what happened in a network.
type Traffic struct {
	Conns      uint64 // accepted connections
	Refused    uint64 // dials answered with a reset
	Segments   uint64 // pieces of stream data put on the wire
	Bytes      uint64 // stream bytes put on the wire
	Resets     uint64 // ends of connections that sent a reset; Network.Reset counts for both
	Datagrams  uint64 // datagrams sent, counted per receiving host without duplicates
	Lost       uint64 // datagrams that never reached the host, by chance or without a route
	Duplicated uint64 // datagrams sent twice
	Reordered  uint64 // datagrams held back
	Overflowed uint64 // deliveries dropped because of a receiver's full queue
}

// New returns an empty network without faults. The caller closes it.
func New(seed uint64) *Network {
	n := &Network{
		seed:    seed,
		owner:   make(map[netip.Addr]*Host),
		links:   make(map[pair]*link),
		dials:   make(map[*dial]struct{}),
		blocked: make(map[pair]bool),
	}
	n.scheduler.mu = &n.mu
	return n
}

// Close ends every connection, listener, dial and receiver with net.ErrClosed, and stops all timers. It
// may be called more than once.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	for _, s := range slices.Clone(n.streams) {
		s.ends[0].shut()
		s.ends[1].shut()
		s.remove()
	}
	for d := range n.dials {
		d.finish(nil, net.ErrClosed)
	}
	for _, h := range n.hosts {
		for l := range h.listeners {
			l.shut()
		}
		for _, p := range slices.Clone(h.packets) {
			p.shut()
		}
	}
	n.scheduler.stop()
}

// Host returns the host with the IPv4 address, and creates it at first.
func (n *Network) Host(addr netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.owner[addr]; h != nil {
		return h
	}
	h := &Host{net: n, listeners: make(map[*listener]struct{}), ports: make(map[uint16]int)}
	n.hosts = append(n.hosts, h)
	h.addAddr(addr)
	return h
}

// Traffic returns the counters so far.
func (n *Network) Traffic() Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.traffic
}
