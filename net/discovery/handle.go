package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// receive hands what others say to Config.Sighted, until the context or the Transport ends.
func (s *Service) receive(ctx context.Context) {
	var waiting hold
	for {
		payload, from, err := s.next(ctx, waiting)
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		now := time.Now()
		told := waiting.ripe(now)
		switch {
		case err == nil:
			if seen, ok := s.hear(now, payload, from); ok {
				told = append(told, waiting.pass(now, seen)...)
			}
		case !errors.Is(err, context.DeadlineExceeded):
			// A transport that keeps failing must not take a core.
			group.Sleep(ctx, 100*time.Millisecond, nil)
		}
		if s.cfg.OnAnnouncement == nil {
			continue
		}
		for _, seen := range told {
			s.cfg.OnAnnouncement(seen)
		}
	}
}

// next receives a datagram, or gives context.DeadlineExceeded when one that waits is ripe.
func (s *Service) next(ctx context.Context, waiting hold) ([]byte, netip.AddrPort, error) {
	if len(waiting) > 0 {
		until, cancel := context.WithDeadline(ctx, waiting[0].due)
		defer cancel()
		ctx = until
	}
	return s.cfg.Transport.Receive(ctx)
}

// hear judges one datagram. It reports false if there is nothing to tell.
func (s *Service) hear(now time.Time, payload []byte, from netip.AddrPort) (Announcement, bool) {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if !s.admit(now, payload, from) {
		return Announcement{}, false
	}
	beacon, err := wire.DecodeBeacon(payload)
	own, networks := s.cfg.Transport.Addrs(), s.networks()

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.counts.Malformed++
		return Announcement{}, false
	}
	seen := Announcement{Source: from}
	switch {
	case beacon.Discovery != nil:
		seen.Kind, seen.Discovery = Announce, *beacon.Discovery
		seen.Addrs = reach(beacon.Discovery, from.Addr(), own, networks)
	case beacon.Goodbye != nil:
		seen.Kind, seen.Discovery = Goodbye, *beacon.Goodbye
		seen.Addrs = reach(beacon.Goodbye, from.Addr(), own, networks)
	default:
		seen.Kind, seen.Discovery.ID = Heartbeat, beacon.Heartbeat
	}
	d := &seen.Discovery
	seen.ID = d.ID
	mine := d.Key != nil && s.self.Key != nil && *d.Key == *s.self.Key
	switch {
	case d.ID == "" || seen.Kind == Announce && len(seen.Addrs) == 0:
		s.counts.Malformed++
		return Announcement{}, false
	case d.Inst != "" && d.Inst == s.self.Inst && mine,
		seen.Kind == Heartbeat && d.ID == s.self.ID:
		// Ours, by a way that changed its source; or the heartbeat of a copy of our profile, which its
		// announcement tells better.
		s.echoed(now, seen.Kind != Heartbeat)
		return Announcement{}, false
	}
	seen.OwnKey = mine
	switch seen.Kind {
	case Announce:
		if seen.New = s.instances.note(now, d, mine); seen.New {
			s.schedule.reply(now)
			select {
			case s.wake <- struct{}{}:
			default: // the beat is already going to look
			}
		}
	case Goodbye:
		s.instances.leave(d)
	case Heartbeat:
		seen.Discovery = wire.Discovery{}
	}
	if !mine {
		s.heardThem = now
	}
	s.counts.Reported++
	return seen, true
}

// admit counts and drops what is not worth decoding.
func (s *Service) admit(now time.Time, payload []byte, from netip.AddrPort) bool {
	if s.isOurs(payload) && slices.Contains(s.cfg.Transport.Addrs(), from.Addr()) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.echoed(now, true)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(payload) > wire.MaxBeacon:
		s.counts.Oversize++
	case s.gate.copied(now, payload, from):
		s.counts.Copies++
	case !s.gate.admit(now, from.Addr()):
		s.counts.Excess++
	default:
		return true
	}
	return false
}

// isOurs reports whether the datagram is one that we sent in the last two beacons.
func (s *Service) isOurs(payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sent := range s.ours {
		if _, ok := sent[string(payload)]; ok {
			return true
		}
	}
	return false
}

// echoed notes that a datagram of our own came back. Called with mu held.
func (s *Service) echoed(now time.Time, sure bool) {
	s.counts.Own++
	if sure {
		s.heardOwn = now
		s.unheard = time.Time{}
	}
}
