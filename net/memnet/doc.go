// Package memnet is an in-memory network of hosts for tests: streams and broadcast datagrams with
// delay, loss, duplicates, slow lines, partitions, resets and crashes, all by a seed.
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
// A connection behaves as TCP on Linux does. Each direction holds at most Buffer bytes that were
// written and not yet read, wherever they are; a Write beyond that waits. Close sends what was
// written and then the end (FIN): the peer reads it all, then io.EOF. But a Close with unread
// bytes, or bytes that arrive after Close, answers with a reset (RST), which also drops what was
// still to be sent, just as a real kernel loses the tail of a conversation that is closed from
// both sides at once. After a reset a reader gets what had arrived, then ECONNRESET; a writer gets
// ECONNRESET, or EPIPE if it had been told the end before. Bytes are never lost otherwise: while
// two hosts can't reach each other they stall, and go on after. There is no ETIMEDOUT on an
// established connection, however long it stalls.
//
// # Datagrams
//
// Packets is the broadcast transport of one process: everything sent is heard by every process of
// every host on the same side, the sender included. Datagrams may be lost, doubled and overtaken,
// and vanish in a partition. The bandwidth of a host limits streams only.
//
// # Time, goroutines and synctest
//
// The network starts no goroutine. Everything that is yet to happen waits in one heap, ordered by
// time and then by the order of scheduling, behind a single time.AfterFunc timer; a deadline is a
// timer of its connection. Close stops them all. Callers wait on channels and sync.Cond only, so
// in a testing/synctest bubble a blocked Read, Write, Accept, Dial or Receive is durably blocked
// and the fake clock moves on. Create the Network inside the bubble that uses it. It works outside
// of bubbles as well, in real time.
//
// # Chance
//
// Every directed pair of addresses draws from a generator of its own, seeded from the network's
// seed and the two addresses. So what happens to one pair depends on its own traffic alone, and not
// on how the goroutines of other pairs interleave.
//
// All methods of all types may be called by several goroutines at once.
package memnet
