package memnet

import "net/netip"

// Traffic counts the traffic in one direction between two addresses.
type Traffic struct {
	Conns      uint64 // accepted connections, counted for the dialling side's direction
	Refused    uint64 // dials answered with a reset, likewise
	Segments   uint64 // pieces of stream data put on the wire
	Bytes      uint64 // stream bytes put on the wire
	Resets     uint64 // connections reset by this side, and by Network.Reset for both
	Datagrams  uint64 // datagrams sent, counted per receiving host without duplicates
	Lost       uint64 // datagrams that never reached the host, by chance or without a route
	Duplicated uint64 // datagrams sent twice
	Reordered  uint64 // datagrams held back
	Overflowed uint64 // deliveries dropped because of a receiver's full queue
}

// add adds the counters of o.
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

// Traffic returns the traffic from one address to the other so far.
func (n *Network) Traffic(from, to netip.Addr) Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.links[pair{from.Unmap(), to.Unmap()}]; l != nil {
		return l.traffic
	}
	return Traffic{}
}

// TotalTraffic returns the sum of Traffic over all pairs.
func (n *Network) TotalTraffic() Traffic {
	n.mu.Lock()
	defer n.mu.Unlock()
	var sum Traffic
	for _, l := range n.links {
		sum.add(l.traffic)
	}
	return sum
}

// OpenStreams returns the number of connections that have an end which is neither closed nor reset.
func (n *Network) OpenStreams() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.streams)
}
