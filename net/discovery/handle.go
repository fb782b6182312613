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
		if s.cfg.OnAnnouncement == nil {
			continue
		}
		for _, seen := range ready {
			s.cfg.OnAnnouncement(seen)
		}
	}
}

// next waits for a datagram. It returns context.DeadlineExceeded when a delayed announcement expires.
func (s *Service) nextDatagram(ctx context.Context, waiting delayed) ([]byte, netip.AddrPort, error) {
	if len(waiting) > 0 {
		until, cancel := context.WithDeadline(ctx, waiting[0].due)
		defer cancel()
		ctx = until
	}
	return s.cfg.Transport.Receive(ctx)
}

// hear decodes one datagram and updates the tables. It reports false if there is nothing to pass on.
func (s *Service) handle(now time.Time, payload []byte, from netip.AddrPort) (Announcement, bool) {
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
		seen.Addrs = listDialAddrs(beacon.Discovery, from.Addr(), own, networks)
	case beacon.Goodbye != nil:
		seen.Kind, seen.Discovery = Goodbye, *beacon.Goodbye
		seen.Addrs = listDialAddrs(beacon.Goodbye, from.Addr(), own, networks)
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
		// Ours, by a route that changed its source; or the heartbeat of a copy of our profile, which
		// its announcement shows more clearly.
		s.noteEchoLocked(now, seen.Kind != Heartbeat)
		return Announcement{}, false
	}
	seen.OwnKey = mine
	switch seen.Kind {
	case Announce:
		if seen.New = s.instances.note(now, d, mine); seen.New {
			s.schedule.scheduleReply(now)
			select {
			case s.wake <- struct{}{}:
			default: // the announcer looks already
			}
		}
	case Goodbye:
		s.instances.leave(d)
	case Heartbeat:
		seen.Discovery = wire.Discovery{}
	}
	if !mine {
		s.heardOther = now
	}
	s.counts.Reported++
	return seen, true
}

// admit reports whether to decode a datagram, and counts it if not.
func (s *Service) admit(now time.Time, payload []byte, from netip.AddrPort) bool {
	if s.isEcho(payload) && slices.Contains(s.cfg.Transport.Addrs(), from.Addr()) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.noteEchoLocked(now, true)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(payload) > wire.MaxBeacon:
		s.counts.Oversize++
	case s.filter.isCopy(now, payload, from):
		s.counts.Copies++
	case !s.filter.allow(now, from.Addr()):
		s.counts.Excess++
	default:
		return true
	}
	return false
}

// isOurs reports whether we sent the datagram in one of the last two beacons.
func (s *Service) isEcho(payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sent := range s.ours {
		if _, ok := sent[string(payload)]; ok {
			return true
		}
	}
	return false
}

// echoed counts a datagram of our own that came back. sure says that it can't be another peer's.
func (s *Service) noteEchoLocked(now time.Time, sure bool) {
	s.counts.Own++
	if sure {
		s.heardOwn = now
		s.unheard = time.Time{}
	}
}
