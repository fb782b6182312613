// Package discovery finds the other peers of the local network and of this machine. It announces the
// local peer in small UDP datagrams and listens to those of others. An announcement is an unauthenticated
// hint: it may lead to a dial, never to more. Package wire specifies the datagrams (see wire.Beacon).
//
// # What is sent, and when
//
// A beacon is a Discovery and, beside it, the Heartbeat of the seed's programs, unless one went out in the
// 1.25 s before. A burst of beacons, at 0, 0.25, 1 and 3 s, follows a start, a change of interfaces, a wake-up
// from sleep and StartBurst. After it beacons go out every 5 s, and with many peers more rarely, down to every
// 30 s; while a peer is lost, every 2 s. A new instance is answered at once, and with many peers within a
// second. The next beacon of a burst is answer enough if it comes by then. All of these are broadcast: several
// programs of one machine share the port, and a unicast would reach only one of them. A random part of up to
// 25 % shortens each interval, so that many peers don't send in step.
//
// # Where it is sent
//
// UDP has one sending socket for each IPv4 address, bound to that address and pinned to its interface. It
// sends to the network's directed broadcast address and to 255.255.255.255. On loopback it sends to
// 127.255.255.255 only, and on interfaces with IPv6 to the link-local group MulticastGroup. macOS refuses
// 127.255.255.255; there the group on lo0 replaces it.
//
// # What is received
//
// The receivers share their port with other programs. Datagrams on unused interfaces, over 1200 bytes, and
// above 256 a second are dropped. So are those above 25 a second of one address: a single noisy host can't hide
// the others. An address of this machine may send 128, since many programs may start there at once.
//
// # Ownership
//
// Start runs two goroutines: "discovery/announce" sends, polls and calls Config.OnStatus, and
// "discovery/receive" calls Config.OnAnnouncement. The Transport belongs to the caller, who closes it
// after Goodbye. Goodbye works even after the group's context has ended, as it does after a panic.
package discovery

import (
	"context"
	"net/netip"
	"time"
)

// Port is the UDP port of the seed's programs and the default here.
const Port = 9999

// MulticastGroup is the IPv6 multicast group of beacons: link-local in scope and transient (RFC 4291
// §2.7), with a group id from the range that programs may choose (RFC 3307 §4.3).
const MulticastGroup = "ff12::f032:7063"

// Limits and times; the package comment says what they are for.
const (
	beaconsPerSecond = 256  // datagrams taken a second, in all
	sourcePerSecond  = 25   // from one address
	localPerSecond   = 128  // from an address of this machine, where many programs may start at once
	maxInstances     = 1024 // instances remembered; the one silent for longest is evicted first

	shortest    = 250 * time.Millisecond // between two beacons, whatever caused them
	ordinary    = 5 * time.Second        // between beacons with few peers
	stretch     = 250 * time.Millisecond // added to ordinary for each peer …
	longest     = 30 * time.Second       // … up to this
	searching   = 2 * time.Second        // between beacons while a peer is lost
	pollEvery   = time.Second            // between two looks at the interfaces and the clock
	asleepAfter = 4 * time.Second        // a poll this late means that the machine slept
	echoWithin  = 5 * time.Second        // without an echo of our beacon for so long, something blocks it
	otherWithin = 20 * time.Second       // without another peer for so long, the status says so
	otherFor    = 90 * time.Second       // a peer heard within that time counts as present
	copyWithin  = 100 * time.Millisecond // the same datagram again is a copy that came by another route
)

// Transport moves datagrams. UDP is the real one; net/memnet has one for tests. Broadcast, Addrs and
// Close may be called from any goroutine, Receive from one at a time.
type Transport interface {
	// Broadcast sends one datagram for each local address and destination. It calls build with the
	// address that the datagram will have as its source. sent counts the datagrams that left. err reports
	// failed ones, and may come beside sent > 0.
	Broadcast(build func(from netip.Addr) []byte) (sent int, err error)
	// Receive waits for a datagram, whose payload belongs to the caller. After Close it returns
	// net.ErrClosed.
	Receive(ctx context.Context) (payload []byte, from netip.AddrPort, err error)
	// Addrs returns the local addresses that Broadcast sends from.
	Addrs() []netip.Addr
	// Close ends Receive and Broadcast.
	Close() error
}

// Inspector is a Transport over real interfaces, such as UDP. The Service finds out by a type assertion.
type Inspector interface {
	// Refresh looks at the interfaces again, opens and closes sockets, and reports whether anything
	// changed. One goroutine calls it every second.
	Refresh() (changed bool)
	// Report describes the interfaces and the receiver. Any goroutine may call it.
	Report() Report
}
