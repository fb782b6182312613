package discovery

import (
	"context"
	"errors"
	"hash/maphash"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// receive passes announcements of others to Config.OnAnnouncement until the context or the Transport ends.
func (s *Service) receive(ctx context.Context) {
	var waiting delayed
	for {
		payload, from, err := s.nextDatagram(ctx, waiting)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		ready := waiting.expired(now)
		switch {
		case err == nil:
			if seen, ok := s.handle(now, payload, from); ok {
				ready = append(ready, waiting.add(now, seen)...)
			}
		case !errors.Is(err, context.DeadlineExceeded):
			// A transport that keeps failing must not take a core.
			group.Sleep(ctx, 100*time.Millisecond, nil)
		}
		for _, seen := range ready {
			s.cfg.OnAnnouncement(seen)
		}
	}
}

// nextDatagram waits for a datagram. It returns context.DeadlineExceeded when a delayed announcement expires.
func (s *Service) nextDatagram(ctx context.Context, waiting delayed) ([]byte, netip.AddrPort, error) {
	if len(waiting) > 0 {
		until, cancel := context.WithDeadline(ctx, waiting[0].due)
		defer cancel()
		ctx = until
	}
	return s.cfg.Transport.Receive(ctx)
}

// handle takes one datagram, decodes it if it is new, and updates the tables. It reports false if there is nothing to pass on.
func (s *Service) handle(now time.Time, payload []byte, from netip.AddrPort) (Announcement, bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	known, ok := s.admit(now, payload, from)
	if !ok {
		return Announcement{}, false
	}
	beacon := known.beacon
	if beacon == nil {
		decoded, err := wire.DecodeBeacon(payload)
		if err != nil {
			return Announcement{}, false
		}
		beacon = &decoded
	}
	seen := Announcement{Source: from}
	d := &seen.Discovery
	switch {
	case beacon.Discovery != nil:
		seen.Kind, seen.ID, *d = Announce, beacon.Discovery.ID, *beacon.Discovery
	case beacon.Goodbye != nil:
		seen.Kind, seen.ID, *d = Goodbye, beacon.Goodbye.ID, *beacon.Goodbye
	default:
		seen.Kind, seen.ID = Heartbeat, beacon.Heartbeat
	}
	var networks []netip.Prefix
	if s.inspector != nil {
		networks = s.inspector.Report().Networks
	}
	seen.Addrs = listDialAddrs(d, from.Addr(), s.cfg.Transport.Addrs(), networks)

	s.mu.Lock()
	defer s.mu.Unlock()
	known.beacon = beacon
	mine := d.Key != nil && s.self.Key != nil && *d.Key == *s.self.Key
	switch {
	case seen.ID == "" || seen.Kind == Announce && len(seen.Addrs) == 0:
		return Announcement{}, false
	case d.Inst != "" && d.Inst == s.self.Inst && mine,
		seen.Kind == Heartbeat && seen.ID == s.self.ID:
		// Ours, by a route that changed its source; or the heartbeat of a copy of our profile, which
		// its announcement shows more clearly.
		return Announcement{}, false
	}
	seen.OwnKey = mine
	switch seen.Kind {
	case Announce:
		if seen.New = s.instances.note(now, d, mine); seen.New {
			s.schedule.scheduleReply(now)
			s.wakeAnnouncer()
		}
	case Goodbye:
		s.instances.leave(d)
	}
	if !mine {
		s.heardOther = now
	}
	return seen, true
}

// admit reports whether to take a datagram, and returns what is remembered of it, for the receiving goroutine alone and
// until the next call. Echoes of our own count towards no rate.
func (s *Service) admit(now time.Time, payload []byte, from netip.AddrPort) (known *remembered, ok bool) {
	local := slices.Contains(s.cfg.Transport.Addrs(), from.Addr()) // before the lock: a Transport has one of its own
	if local && s.isEcho(payload) {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(payload) > wire.MaxBeacon {
		return nil, false
	}
	known, isCopy := s.filter.note(now, payload, from)
	return known, !isCopy && s.filter.allow(now, from.Addr(), local)
}

// isEcho reports whether we sent the datagram in one of the last two beacons.
func (s *Service) isEcho(payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.ours[:], func(sent map[string]struct{}) bool {
		_, ok := sent[string(payload)]
		return ok
	})
}

const (
	maxDatagrams = 256 // datagrams remembered, to know copies and to decode each beacon once
	maxSources   = 256 // source addresses with a limiter of their own
)

// remembered is what is known of a datagram from a socket.
type remembered struct {
	sum    uint64
	at     time.Time    // when it came last, without its copies
	beacon *wire.Beacon // what it says; nil if it wasn't decoded
}

// filter decides which datagrams are taken. It looks for copies first, and they count towards no rate: one beacon
// arrives by the directed broadcast and by 255.255.255.255, and again on a second network. A program's beacons are mostly
// the same, and each is decoded once.
type filter struct {
	seed      maphash.Seed
	datagrams [maxDatagrams]remembered
	oldest    int // index in datagrams of the next to overwrite
	all       *rate.Limiter
	sources   map[netip.Addr]*rate.Limiter
}

func newFilter() filter {
	return filter{
		seed:    maphash.MakeSeed(),
		all:     rate.NewLimiter(beaconsPerSecond, beaconsPerSecond),
		sources: make(map[netip.Addr]*rate.Limiter),
	}
}

// note remembers a datagram. It reports whether the same socket sent the same one a moment ago.
func (f *filter) note(now time.Time, payload []byte, from netip.AddrPort) (known *remembered, isCopy bool) {
	var h maphash.Hash
	h.SetSeed(f.seed)
	h.Write(payload)
	maphash.WriteComparable(&h, from)
	sum := h.Sum64()
	newest := remembered{sum: sum}
	for i := range f.datagrams {
		if known = &f.datagrams[i]; known.sum == sum {
			if now.Sub(known.at) < copyWithin {
				return known, true
			}
			newest, *known = *known, remembered{} // as the newest it is overwritten last
			break
		}
	}
	newest.at = now
	known = &f.datagrams[f.oldest]
	*known = newest
	f.oldest = (f.oldest + 1) % maxDatagrams
	return known, false
}

// allow reports whether the rates admit a datagram from this address, which may be one of this machine. It asks the
// address's own limiter first, so that a noisy host takes nothing from the share of the others.
func (f *filter) allow(now time.Time, from netip.Addr, local bool) bool {
	own := f.sources[from]
	if own == nil {
		if len(f.sources) >= maxSources {
			// A flooder with many addresses gains nothing when all are forgotten: the limiter of all holds.
			clear(f.sources)
		}
		perSecond := sourcePerSecond
		if local {
			perSecond = localPerSecond
		}
		own = rate.NewLimiter(rate.Limit(perSecond), perSecond)
		f.sources[from] = own
	}
	return own.AllowN(now, 1) && f.all.AllowN(now, 1)
}
