package discovery

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// runAnnouncer sends beacons when they are due, and polls the interfaces and the clock every second.
func (s *Service) runAnnouncer(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	poll := time.Now().Add(pollEvery)
	seen := s.clock()
	addrs := s.cfg.Transport.Addrs()
	var reported Status
	for {
		s.mu.Lock()
		next := s.schedule.next()
		s.mu.Unlock()
		// A beacon that is due waits for no timer. Within a synctest bubble, the race detector's runtime
		// sometimes crashes on a timer that is due when it is set.
		if wait := min(time.Until(next), time.Until(poll)); wait > 0 {
			timer.Reset(wait)
			select {
			case <-ctx.Done():
				return
			case <-s.wake:
			case <-timer.C:
			}
		} else if ctx.Err() != nil {
			return
		}
		now := time.Now()
		if !now.Before(poll) {
			// Wall time goes on while the machine sleeps, so after a sleep the poll is late by it. The
			// monotonic clock goes on with some systems only.
			wall := s.clock()
			changed := wall.Sub(seen) > pollEvery+asleepAfter
			if s.inspector != nil && s.inspector.Refresh() {
				changed = true
			}
			if a := s.cfg.Transport.Addrs(); !slices.Equal(a, addrs) {
				addrs, changed = a, true
			}
			if changed {
				s.StartBurst()
			}
			seen = wall
			if st := s.Status(); !st.same(&reported) {
				reported = st
				s.cfg.OnStatus(st)
			}
			poll = now.Add(pollEvery)
		}
		s.sendBeacon(now)
	}
}

// sendBeacon sends a Discovery from every address, if a beacon is due and Goodbye wasn't sent, and a Heartbeat if that is
// due, too.
func (s *Service) sendBeacon(now time.Time) {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.mu.Lock()
	due, heartbeat := !s.schedule.next().After(now), false
	if due {
		heartbeat = s.schedule.takeHeartbeat(now)
		s.schedule.markSent(now)
		s.ours[1], s.ours[0] = s.ours[0], make(map[string]struct{})
	}
	s.mu.Unlock()
	if !due || s.saidGoodbye {
		return
	}
	sent, err := s.broadcastLocked(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Discovery: d} })
	if sent > 0 && heartbeat {
		_, _ = s.broadcastLocked(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Heartbeat: d.ID} })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendError = ""
	if sent == 0 && err != nil && !errors.Is(err, net.ErrClosed) {
		s.sendError = err.Error()
	}
}

// broadcastLocked sends what form makes of the local peer's Discovery from every address.
func (s *Service) broadcastLocked(form func(*wire.Discovery) wire.Beacon) (sent int, err error) {
	d := s.cfg.Self()
	// Encoded with the longest address first, so that the callback below can't fail. Only the rooms can
	// make it too long, and the Hello repeats them.
	d.IP = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
	if _, err := form(&d).Encode(); err != nil {
		d.Rooms = nil
		if _, err := form(&d).Encode(); err != nil {
			return 0, err
		}
	}
	s.mu.Lock()
	s.self = d
	s.mu.Unlock()
	return s.cfg.Transport.Broadcast(func(from netip.Addr) []byte {
		mine := d
		mine.IP = from.WithZone("").String()
		datagram, err := form(&mine).Encode()
		if err != nil {
			return nil
		}
		s.mu.Lock()
		if s.ours[0] != nil {
			s.ours[0][string(datagram)] = struct{}{}
		}
		s.mu.Unlock()
		return datagram
	})
}
