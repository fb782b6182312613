// Package link is one authenticated, encrypted connection to one peer: TLS, the exchange of Hellos,
// queues, heartbeat, goodbye (DESIGN.md §4).
//
// # Life
//
//	Client, Server ──▶ open ── Start ──▶ up ◀─▶ late ── 15 s of silence, a cut, Abort ──▶ down (lost)
//	      │             │                 │
//	      ▼             └────── Bye ──────┴── Bye of either side ──▶ drain ─────────────▶ down (left)
//	    error
//
// Client and Server return when the peer's Hello has arrived: a TLS 1.3 client's handshake succeeds
// even if the server refuses it. From then on the peer's key is proven, and is its identity.
//
// # Threads
//
//	reader   socket → frames → messages → lane (package verify) → Handler; answers pings itself
//	writer   queues → pieces of at most 16 KiB → socket; the only one that writes frames
//	clock    pings, late, lost, the end of a drain; waits for the others and calls Handler.Down
//	lane     verifies and delivers what comes in bulk, in order
//
// No sender ever waits for a peer: Control, Live and Sync put a frame, encoded once for all links,
// into a bounded queue or report that it is full. The writer takes control before live before sync,
// and puts all that waits into one piece, so that a busy link costs one system call for many lines
// and an idle one no delay.
//
// Push-back goes the other way: a Handler that blocks, or a lane that is full, stops the reading and
// TCP holds the peer back. Silence is counted only while the reader waits for the peer, so a link
// isn't lost because its own side is busy.
//
// # Goodbye
//
// A plain close of a TCP connection loses messages: data that arrives at a closed socket, or lies
// unread in it, makes the kernel answer with a reset, which also drops what the peer had not read
// yet. So both sides write all they have queued, then end their direction, then read to the other's
// end; only then the socket is closed. Whoever hears Bye does the same without a Bye of its own.
package link
