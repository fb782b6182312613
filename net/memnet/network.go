package memnet

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
)

// Buffer is how many bytes one direction of a stream holds, sent or not, before Write waits.
const Buffer = 256 << 10

// Network is a set of hosts and what lies between them.
type Network struct {
	seed uint64

	mu      sync.Mutex // guards everything of the network, its hosts, streams and packets
	closed  bool
	clock   clock
	hosts   []*Host              // in order of creation, so that broadcasts are deterministic
	owner   map[netip.Addr]*Host // whose address it is
	links   map[pair]*link
	def     Link
	streams map[uint64]*stream // that are not over, by id
	dials   map[*dial]struct{} // that are not over
	nextID  uint64
	side    map[netip.Addr]int // the partition: group of each address, 0 if in none
	blocked map[pair]bool      // both directions are present
}

// pair is a direction between two addresses.
type pair struct{ from, to netip.Addr }

// New returns an empty network without faults. The caller closes it.
func New(seed uint64) *Network {
	n := &Network{
		seed:    seed,
		owner:   make(map[netip.Addr]*Host),
		links:   make(map[pair]*link),
		streams: make(map[uint64]*stream),
		dials:   make(map[*dial]struct{}),
		blocked: make(map[pair]bool),
	}
	n.clock.mu = &n.mu
	return n
}

// Close ends everything: every connection, listener, dial and receiver fails with net.ErrClosed,
// and no timer is left. It may be called more than once.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	for _, s := range n.live() {
		s.ends[0].shut()
		s.ends[1].shut()
		s.forget()
	}
	for _, h := range n.hosts {
		h.drop()
	}
	n.clock.stop()
}

// Host returns the machine with the address, which is created if there is none yet.
func (n *Network) Host(addr netip.Addr) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr = addr.Unmap()
	if h := n.owner[addr]; h != nil {
		return h
	}
	h := &Host{net: n, listeners: make(map[*listener]struct{}), ports: make(map[uint16]int)}
	n.hosts = append(n.hosts, h)
	h.addAddr(addr)
	return h
}

// live is every stream that is not over, oldest first. Called with mu held.
func (n *Network) live() []*stream {
	ids := make([]uint64, 0, len(n.streams))
	for id := range n.streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	all := make([]*stream, len(ids))
	for i, id := range ids {
		all[i] = n.streams[id]
	}
	return all
}

// String names the network by its seed, so that a failed test says how to repeat it.
func (n *Network) String() string { return fmt.Sprintf("memnet(seed %d)", n.seed) }
