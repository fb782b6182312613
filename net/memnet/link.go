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

// pair is a direction between two addresses.
type pair struct{ from, to netip.Addr }

// link is one direction between two addresses.
type link struct {
	own *Link // nil: the network's default
	rng *rand.Rand
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
	n.link(pair{a, b}).own = &l
	n.link(pair{b, a}).own = &l
	n.resume()
}

// link returns the link of a direction, and creates it at first.
func (n *Network) link(p pair) *link {
	l := n.links[p]
	if l == nil {
		l = &link{rng: rand.New(rand.NewPCG(n.seed, p.hash()))}
		n.links[p] = l
	}
	return l
}

func (p pair) hash() uint64 {
	h := fnv.New64a()
	from, to := p.from.As16(), p.to.As16()
	h.Write(from[:])
	h.Write(to[:])
	// FNV's low bits differ little for neighbouring addresses: spread them.
	h.Write(binary.BigEndian.AppendUint64(nil, h.Sum64()))
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
	d := s.MinLatency
	if spread := s.MaxLatency - d; spread > 0 {
		d += time.Duration(l.rng.Int64N(int64(spread) + 1))
	}
	return d
}

// chance draws whether an event of probability p happens. It draws even for 0 and 1, so that a change of one
// probability leaves the other draws of the seed as they were.
func (l *link) chance(p float64) bool { return l.rng.Float64() < p }

// path is a direction from an address of one host to an address of another, or of the same.
type path struct {
	from, to *Host
	pair     pair
}

// reversed returns the opposite direction.
func (p path) reversed() path { return path{p.to, p.from, pair{p.pair.to, p.pair.from}} }

// delay draws a delay of the path. Within a host it is 0.
func (p path) delay() time.Duration {
	if p.from == p.to {
		return 0
	}
	n := p.from.net
	l := n.link(p.pair)
	return l.latency(n.behaviour(l))
}

// passesDatagrams reports whether datagrams get through now.
func (p path) passesDatagrams() bool {
	if p.from == p.to && p.pair.from.IsLoopback() && p.pair.to.IsLoopback() {
		return true
	}
	n := p.from.net
	if p.to == nil || n.owner[p.pair.from] != p.from || n.owner[p.pair.to] != p.to {
		return false
	}
	if p.from == p.to {
		return true
	}
	return !p.from.cut && !p.to.cut && n.side[p.pair.from] == n.side[p.pair.to] && !n.behaviour(n.link(p.pair)).Unreachable
}

// passesSegments reports whether stream segments get through now.
func (p path) passesSegments() bool {
	return p.passesDatagrams() && (p.from == p.to || !p.from.net.blocked[p.pair])
}
