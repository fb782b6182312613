package memnet

import (
	"fmt"
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
	streams   map[uint64]*stream // by id, until they are over
	dials     map[*dial]struct{} // until they are over
	nextID    uint64
	side      map[netip.Addr]int // the partition: group of each address, or 0
	blocked   map[pair]bool      // both directions are present
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
	for _, s := range n.listStreams() {
		s.ends[0].shut()
		s.ends[1].shut()
		s.remove()
	}
	for _, h := range n.hosts {
		h.drop()
	}
	n.scheduler.stop()
}

// Host returns the host with the address, and creates it at first.
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

// listStreams returns every stream that isn't over, oldest first.
func (n *Network) listStreams() []*stream {
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

// String names the network by its seed, with which a failed test can be repeated.
func (n *Network) String() string { return fmt.Sprintf("memnet(seed %d)", n.seed) }
