package discovery

import (
	"slices"
	"time"
)

// A peer with both families is heard by either first, as the readers happen to be scheduled. People know
// their machines by IPv4 and the seed's programs know nothing else, so a new instance that was heard by
// IPv6 first waits a moment for its IPv4.
const (
	holdFor = 100 * time.Millisecond
	maxHeld = 64 // beyond that nothing waits
)

// hold keeps such sightings, in the order that they came. Only the receiving goroutine uses it.
type hold []held

type held struct {
	sighting Announcement
	due      time.Time
}

// pass gives what is to be told now, in order, when a sighting came.
func (h *hold) pass(now time.Time, s Announcement) []Announcement {
	same := slices.IndexFunc(*h, func(o held) bool { return name(&o.sighting.Discovery) == name(&s.Discovery) })
	switch six := s.Source.Addr().Is6(); {
	case s.Kind == Heartbeat:
		return []Announcement{s}
	case same < 0 && s.New && six && len(*h) < maxHeld:
		*h = append(*h, held{s, now.Add(holdFor)})
		return nil
	case same < 0:
		return []Announcement{s}
	case s.Kind == Announce && six:
		return nil // as good as the one that waits
	}
	first := (*h)[same].sighting
	*h = slices.Delete(*h, same, same+1)
	if s.Kind == Announce {
		first.New, s.New = false, true
		return []Announcement{s, first}
	}
	return []Announcement{first, s}
}

// ripe gives those that waited long enough.
func (h *hold) ripe(now time.Time) []Announcement {
	var out []Announcement
	for len(*h) > 0 && !(*h)[0].due.After(now) {
		out = append(out, (*h)[0].sighting)
		*h = slices.Delete(*h, 0, 1)
	}
	return out
}
