package memnet

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Link says how one direction between two hosts behaves. The zero value is perfect, as the traffic of a
// host with itself always is.
type Link struct {
	// MinLatency and MaxLatency bound the delay, drawn evenly for each segment and datagram. Streams keep
	// their order, so a late segment delays the following ones. A MaxLatency below MinLatency counts as
	// MinLatency.
	MinLatency, MaxLatency time.Duration

	// Loss, Duplicate and Reorder are the chances, 0 to 1, of a datagram to be lost, to arrive twice, or to
	// be overtaken. An overtaken datagram is held back for 1 to 3 times MaxLatency, at least 1 to 3 ms.
	Loss, Duplicate, Reorder float64

	// Unreachable makes a dial fail at once with EHOSTUNREACH; streams stall and datagrams vanish.
	Unreachable bool
}

// link is one direction between two addresses.
type link struct {
	own     *Link // nil: the network's default
	rng     *rand.Rand
	traffic Traffic
}

// SetDefault sets how the pairs without a SetLink behave from now on.
func (n *Network) SetDefault(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.def = l
	n.resume()
}

// SetLink sets how the pair of addresses behaves, in both directions, from now on.
func (n *Network) SetLink(a, b netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link(a, b).own = &l
	n.link(b, a).own = &l
	n.resume()
}

// link returns the direction from one address to another, and creates it at first.
func (n *Network) link(from, to netip.Addr) *link {
	p := pair{from.Unmap(), to.Unmap()}
	l := n.links[p]
	if l == nil {
		l = &link{rng: rand.New(rand.NewPCG(n.seed, p.hash()))}
		n.links[p] = l
	}
	return l
}

func (p pair) hash() uint64 {
	h := fnv.New64a()
	var both [32]byte
	from, to := p.from.As16(), p.to.As16()
	copy(both[:16], from[:])
	copy(both[16:], to[:])
	h.Write(both[:])
	// FNV's low bits differ little for neighbouring addresses: spread them.
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], h.Sum64())
	h.Write(sum[:])
	return h.Sum64()
}

// behaviour returns how the link behaves now.
func (n *Network) behaviour(l *link) Link {
	if l.own != nil {
		return *l.own
	}
	return n.def
}

// latency draws a delay.
func (l *link) latency(s Link) time.Duration {
	d := max(s.MinLatency, 0)
	if spread := s.MaxLatency - d; spread > 0 {
		d += time.Duration(l.rng.Int64N(int64(spread) + 1))
	}
	return d
}

// delay draws a delay from one host's address to another's. Within a host it is 0.
func (n *Network) delay(from *Host, a netip.Addr, to *Host, b netip.Addr) time.Duration {
	if from == to {
		return 0
	}
	l := n.link(a, b)
	return l.latency(n.behaviour(l))
}

// chance draws whether an event of probability p happens. It draws even for 0 and 1, so that a change of one
// probability leaves the other draws of the seed as they were.
func (l *link) chance(p float64) bool { return l.rng.Float64() < p }
