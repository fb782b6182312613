package discovery

import (
	"slices"
	"time"
)

// The beacons of a peer with both families arrive in any order. People know their machines by IPv4, and
// the seed's programs know nothing else. So the announcement of a new instance that arrives by IPv6 waits
// a moment for the same by IPv4.
const (
	ipv6Delay  = 100 * time.Millisecond
	maxDelayed = 64 // announcements that wait at a time; others are passed on at once
)

// delayed holds the waiting announcements in the order of their arrival. Only the receiving goroutine uses
// it.
type delayed []delayedAnnouncement

type delayedAnnouncement struct {
	sighting Announcement
	due      time.Time
}

// add takes a new announcement and returns those to pass on now, in order.
func (h *delayed) add(now time.Time, s Announcement) []Announcement {
	same := slices.IndexFunc(*h, func(o delayedAnnouncement) bool {
		return instanceKey(&o.sighting.Discovery) == instanceKey(&s.Discovery)
	})
	switch six := s.Source.Addr().Is6(); {
	case s.Kind == Heartbeat:
		return []Announcement{s}
	case same < 0 && s.New && six && len(*h) < maxDelayed:
		*h = append(*h, delayedAnnouncement{s, now.Add(ipv6Delay)})
		return nil
	case same < 0:
		return []Announcement{s}
	case s.Kind == Announce && six:
		return nil // as good as the waiting one
	}
	first := (*h)[same].sighting
	*h = slices.Delete(*h, same, same+1)
	if s.Kind == Announce {
		first.New, s.New = false, true
		return []Announcement{s, first}
	}
	return []Announcement{first, s}
}

// expired removes and returns those that have waited long enough.
func (h *delayed) expired(now time.Time) []Announcement {
	var out []Announcement
	for len(*h) > 0 && !(*h)[0].due.After(now) {
		out = append(out, (*h)[0].sighting)
		*h = slices.Delete(*h, 0, 1)
	}
	return out
}
