// Package memnet is an in-memory network of IPv4 hosts for tests. Its streams and broadcast datagrams suffer
// delay, loss, duplicates, slow lines, partitions and resets, all of which follow from a seed.
//
//	n := memnet.New(1)
//	defer n.Close()
//	a := n.Host(netip.MustParseAddr("10.0.0.1"))
//	b := n.Host(netip.MustParseAddr("10.0.0.2"))
//	n.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 20 * time.Millisecond})
//	l, err := b.Listen(ctx, "tcp", ":8080")
//	c, err := a.DialContext(ctx, "tcp", "10.0.0.2:8080")
//
// # Streams
//
// A connection behaves as TCP on Linux does. Each direction holds at most Buffer bytes that were written
// and not yet read, wherever they are; a Write beyond that waits. Close sends all written bytes and then
// the end (FIN): the peer reads them, then io.EOF. But a Close with unread bytes, and bytes that arrive
// after Close, cause a reset (RST). A reset also drops the bytes that were still to be sent, as a real
// kernel does when both sides close at once.
//
// After a reset a reader gets the bytes that had arrived, then ECONNRESET. A writer gets ECONNRESET, or
// EPIPE if the peer had ended its direction before. Bytes are never lost otherwise: while two hosts can't
// reach each other they stall, and go on after. There is no ETIMEDOUT on an established connection,
// however long it stalls.
//
// # Datagrams
//
// Packets is the broadcast transport of one process. Every process of every host on the same side of a
// partition receives each datagram, the sender included. Datagrams may be lost, duplicated and reordered.
// DialContext with "udp" makes a socket that sends to one host, and hears whether that refuses.
// The bandwidth of a host limits streams only.
//
// # Time, goroutines and synctest
//
// The network starts no goroutine. All future events wait in one queue, by time and then by the order
// of scheduling, with a single time.AfterFunc timer. A deadline is a timer of its connection. Close stops
// them all. Callers wait on channels and sync.Cond only. So in a testing/synctest bubble a blocked Read,
// Write, Accept, Dial or Receive is durably blocked and the fake clock moves on. Create the Network inside
// the bubble that uses it. Outside of bubbles it works in real time.
//
// # Chance
//
// Every directed pair of addresses has its own random generator, seeded from the network's seed and the
// two addresses. So the faults of a pair depend on its own traffic alone, and not on how the goroutines of
// other pairs interleave.
//
// Any number of goroutines may call all methods of all types at once.
package memnet
