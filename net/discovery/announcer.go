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

// beat sends beacons when they are due and polls every second.
func (s *Service) beat(ctx context.Context) {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	poll := time.Now().Add(pollEvery)
	seen := s.clock()
	addrs := s.cfg.Transport.Addrs()
	for {
		s.mu.Lock()
		next := s.schedule.next()
		s.mu.Unlock()
		// What is due already waits for no timer: the race detector's runtime crashes now and then on one
		// that is due when it is set, within a synctest bubble.
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
			// Wall time goes on while the machine sleeps; the monotonic clock of timers may not, and may
			// as well: either way the poll comes late by it.
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
				s.schedule.burst(now)
				s.mu.Unlock()
			}
			seen = wall
			s.tell()
			poll = now.Add(pollEvery)
		}
		s.mu.Lock()
		due := !s.schedule.next().After(now)
		if due {
			s.schedule.sent(now)
		}
		s.mu.Unlock()
		if due {
			s.announce()
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// tell hands out the status if it changed. Called by the beat only, whose own told is.
func (s *Service) tell() {
	if s.cfg.OnStatus == nil {
		return
	}
	if st := s.Status(); !st.same(&s.told) {
		s.told = st
		s.cfg.OnStatus(st)
	}
}

// announce sends one beacon: a Discovery and a Heartbeat from every address.
func (s *Service) announce() {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.gone {
		return
	}
	s.mu.Lock()
	s.ours[1], s.ours[0] = s.ours[0], make(map[string]struct{})
	// Noted before sending: the echo may be back before Broadcast is.
	waiting := !s.unheard.IsZero()
	if !waiting {
		s.unheard = s.schedule.last
	}
	s.mu.Unlock()
	sent, err := s.broadcast(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Discovery: d} })
	if sent > 0 {
		more, _ := s.broadcast(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Heartbeat: d.ID} })
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
		s.unheard = time.Time{} // nothing to wait for
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.sendError = err.Error()
	}
}

// broadcast sends a datagram from every address. Called with sending held.
func (s *Service) broadcast(form func(*wire.Discovery) wire.Beacon) (sent int, err error) {
	d := s.cfg.Self()
	// Tried with the longest address first, so that build can't fail. Rooms are the only part that grows;
	// they are learned again from the hello.
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
