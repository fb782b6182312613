package discovery

import (
	"net/netip"
	"slices"
	"time"
)

// Report is what a Transport knows of its interfaces and its receiver.
type Report struct {
	Port         int               // the UDP port of beacons
	Interfaces   []InterfaceStatus // used and skipped ones, in the system's order
	Networks     []netip.Prefix    // the networks of the interfaces that are used
	PortTaken    bool              // another program holds the port for itself: sending only
	ReceiveError string            // why nothing can be received, or ""
	Strays       uint64            // datagrams that came on interfaces that are not used
}

// InterfaceStatus is one network interface and what passed there since it came up.
type InterfaceStatus struct {
	Name     string
	Addrs    []netip.Addr // the addresses that beacons are sent from
	Loopback bool
	Skipped  string // why it is not used, or ""
	Error    string // why the last beacon could not be sent here, or ""

	Sent  uint64 // datagrams
	Heard uint64 // datagrams of others
	Own   uint64 // one's own datagrams that came back, as every system lets them

	HeardOwn time.Time // last time that one's own came back
	Unheard  time.Time // the oldest beacon sent since then; zero if none
}

// Counts is how many datagrams came in since the start, by what became of them.
type Counts struct {
	Reported  uint64 // handed to Config.Sighted
	Own       uint64
	Copies    uint64 // the same again by another way
	Excess    uint64 // above the rates
	Oversize  uint64 // over 1200 bytes
	Malformed uint64 // no beacon, or one without an id or a port to dial
}

// Status is how discovery stands, for the status line and for doctor.
type Status struct {
	Since      time.Time // of Start
	Report     Report    // zero if the Transport is no Inspector
	Sent       uint64    // datagrams
	Counts     Counts
	HeardOwn   time.Time // last time that one's own beacon came back; zero if never
	HeardOther time.Time // last time that somebody else was heard; zero if never
	Others     int       // peers heard in the last 90 s that didn't leave
	Troubles   []Trouble // the most telling first; empty when all is well
}

// same reports whether nothing of interest to a person lies between the two: counters and times don't.
func (s *Status) same(o *Status) bool {
	return s.Others == o.Others && s.HeardOwn.IsZero() == o.HeardOwn.IsZero() &&
		slices.Equal(s.Troubles, o.Troubles) &&
		slices.EqualFunc(s.Report.Interfaces, o.Report.Interfaces, func(a, b InterfaceStatus) bool {
			return a.Name == b.Name && a.Skipped == b.Skipped && a.Error == b.Error && slices.Equal(a.Addrs, b.Addrs)
		})
}
