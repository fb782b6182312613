package discovery

import (
	"hash/maphash"
	"net/netip"
	"time"
)

const (
	maxCopies  = 64  // datagrams remembered to recognise their copies
	maxSources = 256 // source addresses with a bucket of their own
)

// gate decides which datagrams are worth decoding. Copies come first and cost nothing of the rates:
// one beacon arrives by the directed broadcast and by 255.255.255.255, and again on a second network.
type gate struct {
	seed   maphash.Seed
	copies [maxCopies]struct {
		sum uint64
		at  time.Time
	}
	oldest  int // index in copies of the next to overwrite
	all     bucket
	sources map[netip.Addr]*bucket
}

func newGate(now time.Time) gate {
	return gate{
		seed:    maphash.MakeSeed(),
		all:     newBucket(beaconsPerSecond, beaconsPerSecond, now),
		sources: make(map[netip.Addr]*bucket),
	}
}

// copied reports whether the same datagram came from the same socket a moment ago, and remembers it.
func (g *gate) copied(now time.Time, payload []byte, from netip.AddrPort) bool {
	var h maphash.Hash
	h.SetSeed(g.seed)
	h.Write(payload)
	maphash.WriteComparable(&h, from)
	sum := h.Sum64()
	for i := range g.copies {
		if c := &g.copies[i]; c.sum == sum && now.Sub(c.at) < copyWithin {
			return true
		}
	}
	g.copies[g.oldest].sum, g.copies[g.oldest].at = sum, now
	g.oldest = (g.oldest + 1) % maxCopies
	return false
}

// admit takes a token for a datagram from this address. The address's own bucket is asked first, so
// that what a noisy host sends above its share takes nothing from the others.
func (g *gate) admit(now time.Time, from netip.Addr) bool {
	b := g.sources[from]
	if b == nil {
		if len(g.sources) >= maxSources {
			// Forgetting all of them gives a flooder with many addresses nothing: the bucket of all holds.
			clear(g.sources)
		}
		own := newBucket(sourcePerSecond, sourcePerSecond, now)
		b = &own
		g.sources[from] = b
	}
	return b.take(now) && g.all.take(now)
}
