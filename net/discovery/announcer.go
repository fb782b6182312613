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

// beat sends beacons when they are due, and polls the interfaces and the clock every second.
func (s *Service) runAnnouncer(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	poll := time.Now().Add(pollEvery)
	seen := s.clock()
	addrs := s.cfg.Transport.Addrs()
	for {
		s.mu.Lock()
		next := s.schedule.next()
		s.mu.Unlock()
		// A beacon that is due waits for no timer. Within a synctest bubble, the race detector's runtime
		// sometimes crashes on a timer that is due when it is set.
		if wait := time.Until(earlier(next, poll)); wait > 0 {
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
				s.mu.Lock()
				s.schedule.startBurst(now)
				s.mu.Unlock()
			}
			seen = wall
			s.notifyStatus()
			poll = now.Add(pollEvery)
		}
		s.mu.Lock()
		due := !s.schedule.next().After(now)
		if due {
			s.schedule.markSent(now)
		}
		s.mu.Unlock()
		if due {
			s.sendBeacon()
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// tell calls Config.OnStatus if the status has changed. Only the announcer calls it, and alone uses
// lastStatus.
func (s *Service) notifyStatus() {
	if s.cfg.OnStatus == nil {
		return
	}
	if st := s.Status(); !st.same(&s.lastStatus) {
		s.lastStatus = st
		s.cfg.OnStatus(st)
	}
}

// announce sends a Discovery and a Heartbeat from every address, unless Goodbye was sent.
func (s *Service) sendBeacon() {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.saidGoodbye {
		return
	}
	s.mu.Lock()
	s.ours[1], s.ours[0] = s.ours[0], make(map[string]struct{})
	// Set before sending: the echo may arrive before Broadcast returns.
	waiting := !s.unheard.IsZero()
	if !waiting {
		s.unheard = s.schedule.last
	}
	s.mu.Unlock()
	sent, err := s.broadcastLocked(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Discovery: d} })
	if sent > 0 {
		more, _ := s.broadcastLocked(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Heartbeat: d.ID} })
		sent += more
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent += uint64(sent)
	s.sendError = ""
	if sent > 0 {
		return
	}
	if !waiting {
		s.unheard = time.Time{} // no echo can come
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.sendError = err.Error()
	}
}

// broadcast sends what form makes of the local peer's Discovery from every address.
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
