// Package discovery finds the other peers of the local network, and of this machine: it says "here I
// am" in small UDP datagrams and listens to theirs (DESIGN.md §6). What it hears is a hint from
// nobody in particular; it may lead to a dial, never to more. The datagrams' form is wire.Beacon.
//
// # What is sent, and when
//
// A beacon is a Discovery and, beside it, the Heartbeat of the seed's programs. It goes out in a burst
// at 0, 0.25, 1 and 3 s after the start, a change of interfaces, a wake-up from sleep or a call of
// Burst; then every 5 s, stretched with the number of peers to 30 s; every 2 s while a peer is lost;
// and at once in answer to an instance that was never heard before. All of these are broadcast:
// several programs of one machine share the port, and a unicast would reach only one of them. Up to
// 25 % of each interval is taken away at random, so that many peers don't beat in step.
//
// # Where it is sent
//
// UDP has one sending socket for each IPv4 address, bound to that address and pinned to its interface,
// for the network's directed broadcast address and for 255.255.255.255. On loopback only
// 127.255.255.255 is used, and on interfaces with IPv6 the link-local multicast group Group. macOS
// refuses 127.255.255.255; there the group on lo0 does its work.
//
// # What is heard
//
// The receivers share their port (SO_REUSEADDR, SO_REUSEPORT). Datagrams on interfaces that are not
// used, datagrams over 1200 bytes and all above 50 a second are dropped and counted; so are those above
// 25 a second of one address, so that a single noisy host can't hide the others.
//
// # Who owns what
//
// Start runs two goroutines, "discovery/beat" (sends, polls, calls Config.Status) and
// "discovery/receive" (calls Config.Sighted). The Transport belongs to the caller, who closes it after
// Goodbye. Goodbye works when the group's context has ended, as it has after a panic anywhere.
package discovery

import (
	"context"
	"net/netip"
	"time"
)

// Port is the UDP port of the seed's programs and the default here.
const Port = 9999

// MulticastGroup is the IPv6 multicast group of beacons: link-local in scope, transient (RFC 4291 §2.7), in the
// range of group ids that are free for programs to choose (RFC 3307 §4.3); the rest of it is "p2pc".
const MulticastGroup = "ff12::f032:7063"

// The limits of DESIGN.md §10 and the times of §6.
const (
	beaconsPerSecond = 50   // datagrams that are decoded, in all
	sourcePerSecond  = 25   // and of one source address
	maxInstances     = 1024 // instances remembered; the one not heard of for longest goes first

	shortest    = 250 * time.Millisecond // between two beacons, whatever the reasons for them
	ordinary    = 5 * time.Second        // between beacons with few peers
	stretch     = 250 * time.Millisecond // longer for each peer …
	longest     = 30 * time.Second       // … up to this
	searching   = 2 * time.Second        // between beacons while a peer is lost
	pollEvery   = time.Second            // look at the interfaces and the clock
	asleepAfter = 4 * time.Second        // a poll this late means that the machine slept
	echoWithin  = 5 * time.Second        // hear one's own beacon, or something is in the way
	otherWithin = 20 * time.Second       // hear somebody else
	otherFor    = 90 * time.Second       // somebody heard this long ago is still counted
	copyWithin  = 100 * time.Millisecond // the same datagram again is a copy, by another way
)

// Transport moves datagrams. UDP is the real one; net/memnet has one for tests. Broadcast, Addrs and
// Close may be called from any goroutine, Receive from one at a time.
type Transport interface {
	// Broadcast sends one datagram for each local address and destination. build gets the address that
	// the datagram will carry as its sender. sent counts the datagrams that left; err, which may come
	// beside sent > 0, tells of those that didn't.
	Broadcast(build func(from netip.Addr) []byte) (sent int, err error)
	// Receive waits for a datagram. payload belongs to the caller. After Close it returns net.ErrClosed.
	Receive(ctx context.Context) (payload []byte, from netip.AddrPort, err error)
	// Addrs is the local addresses that Broadcast sends from.
	Addrs() []netip.Addr
	// Close ends Receive and Broadcast.
	Close() error
}

// Inspector is implemented by a Transport over real interfaces, as UDP is. The Service asks for it.
type Inspector interface {
	// Refresh looks at the interfaces again, opens and closes sockets, and reports whether anything
	// changed. It is called every second, by one goroutine.
	Refresh() (changed bool)
	// Report is what is known of the interfaces and the receiver. Safe from any goroutine.
	Report() Report
}
