package discovery

import (
	"net/netip"
	"slices"
	"time"
)

// Report describes the interfaces and the receiver of a Transport.
type Report struct {
	Port         int               // the UDP port of beacons
	Interfaces   []InterfaceStatus // used and skipped ones, in the system's order
	Networks     []netip.Prefix    // the networks of the interfaces that are used
	PortTaken    bool              // another program doesn't share the port: sending only
	ReceiveError string            // why the receiver failed, or ""
}

// InterfaceStatus is one network interface and its traffic since it came up.
type InterfaceStatus struct {
	Name     string
	Addrs    []netip.Addr // the addresses that beacons are sent from
	Loopback bool
	Skipped  string // why it isn't used, or ""
	Error    string // why the last beacon failed here, or ""

	Sent    uint64    // datagrams
	Heard   uint64    // datagrams of others
	Unheard time.Time // when the oldest beacon without an echo was sent; zero if there is none
}

// Status is the state of discovery, for the status line and for doctor.
type Status struct {
	Since      time.Time // when Start was called
	Report     Report    // zero if the Transport is no Inspector
	HeardOther time.Time // when another peer was last heard; zero if never
	Others     int       // peers heard in the last 90 s that haven't left
	Troubles   []Trouble // the most important first; empty if all is well
}

// same reports whether the two are the same to a person, who sees no counters or times.
func (s *Status) same(o *Status) bool {
	return s.Since.Equal(o.Since) && s.Others == o.Others && slices.Equal(s.Troubles, o.Troubles) &&
		slices.EqualFunc(s.Report.Interfaces, o.Report.Interfaces, func(a, b InterfaceStatus) bool {
			return a.Name == b.Name && a.Skipped == b.Skipped && a.Error == b.Error && slices.Equal(a.Addrs, b.Addrs)
		})
}
