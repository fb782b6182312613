package discovery

import (
	"hash/maphash"
	"net/netip"
	"time"

	"golang.org/x/time/rate"
)

const (
	maxCopies  = 64  // datagrams remembered to recognise their copies
	maxSources = 256 // source addresses with a limiter of their own
)

// filter decides which datagrams are decoded. It looks for copies first, and they count towards no rate:
// one beacon arrives by the directed broadcast and by 255.255.255.255, and again on a second network.
type filter struct {
	seed   maphash.Seed
	copies [maxCopies]struct {
		sum uint64
		at  time.Time
	}
	oldest  int // index in copies of the next to overwrite
	all     *rate.Limiter
	sources map[netip.Addr]*rate.Limiter
}

func newFilter() filter {
	return filter{
		seed:    maphash.MakeSeed(),
		all:     rate.NewLimiter(beaconsPerSecond, beaconsPerSecond),
		sources: make(map[netip.Addr]*rate.Limiter),
	}
}

// isCopy reports whether the same socket sent the same datagram a moment ago, and remembers it.
func (f *filter) isCopy(now time.Time, payload []byte, from netip.AddrPort) bool {
	var h maphash.Hash
	h.SetSeed(f.seed)
	h.Write(payload)
	maphash.WriteComparable(&h, from)
	sum := h.Sum64()
	for i := range f.copies {
		if c := &f.copies[i]; c.sum == sum && now.Sub(c.at) < copyWithin {
			return true
		}
	}
	f.copies[f.oldest].sum, f.copies[f.oldest].at = sum, now
	f.oldest = (f.oldest + 1) % maxCopies
	return false
}

// allow reports whether the rates admit a datagram from this address. It asks the address's own limiter
// first, so that a noisy host takes nothing from the share of the others.
func (f *filter) allow(now time.Time, from netip.Addr) bool {
	own := f.sources[from]
	if own == nil {
		if len(f.sources) >= maxSources {
			// A flooder with many addresses gains nothing when all are forgotten: the limiter of all holds.
			clear(f.sources)
		}
		own = rate.NewLimiter(sourcePerSecond, sourcePerSecond)
		f.sources[from] = own
	}
	return own.AllowN(now, 1) && f.all.AllowN(now, 1)
}
