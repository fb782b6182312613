package memnet

import "net/netip"

// Traffic counts what went one way between two addresses.
type Traffic struct {
	Conns      uint64 // connections that were accepted, counted for the dialling side's direction
	Refused    uint64 // dials answered with a reset, likewise
	Segments   uint64 // pieces of stream data put on the wire
	Bytes      uint64 // stream bytes put on the wire
	Resets     uint64 // connections reset by this side, and by Network.Reset for both
	Datagrams  uint64 // datagrams sent, one per receiving host, duplicates not counted
	Lost       uint64 // of these, never delivered to the host: by chance or for want of a way
	Duplicated uint64 // of these, sent twice
	Reordered  uint64 // of these, held back
	Overflowed uint64 // deliveries dropped because a receiver's queue was full
}

// add sums the counters.
func (t *Traffic) add(o Traffic) {
	t.Conns += o.Conns
	t.Refused += o.Refused
	t.Segments += o.Segments
	t.Bytes += o.Bytes
	t.Resets += o.Resets
	t.Datagrams += o.Datagrams
	t.Lost += o.Lost
	t.Duplicated += o.Duplicated
	t.Reordered += o.Reordered
	t.Overflowed += o.Overflowed
}

// Traffic is what went from one address to the other so far.
func (n *Network) Traffic(from, to netip.Addr) Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.links[pair{from.Unmap(), to.Unmap()}]; l != nil {
		return l.traffic
	}
	return Traffic{}
}

// TotalTraffic is the sum of Traffic over all pairs.
func (n *Network) TotalTraffic() Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sum Traffic
	for _, l := range n.links {
		sum.add(l.traffic)
	}
	return sum
}

// OpenStreams is how many connections are not over: those with an end that is neither closed nor reset.
func (n *Network) OpenStreams() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.streams)
}
