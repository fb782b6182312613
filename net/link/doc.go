// Package link is one authenticated, encrypted connection to one peer: TLS, the exchange of Hellos,
// queues, keepalive, goodbye. Package wire specifies the protocol.
//
// # Life
//
//	Client, Server ──▶ open ── Start ──▶ up ◀─▶ late ── 15 s of silence, or a cut ──────▶ down (lost)
//	      │             │                 │
//	      ▼             └────── Bye ──────┴── Bye of either side ──▶ drain ─────────────▶ down (left)
//	    error
//
// Client and Server return when the peer's Hello has arrived: a TLS 1.3 client's handshake succeeds
// even if the server refuses it. From then on the peer's key is proven, and is its identity.
//
// # Threads
//
//	reader     socket → frames → messages → queue of package verify; answers pings itself, and hands
//	           to the Handler what that queue returns at once
//	deliver    all other messages, verified and in order → Handler; starts with the first of them
//	writer     queues → pieces of at most 16 KiB → socket; no other goroutine writes frames
//	keepalive  pings, late, lost, the end of a drain; waits for the others and calls Handler.Down
//
// No sender ever waits for a peer: Control, Live and Sync put a frame, encoded once for all links,
// into a bounded queue or report that it is full. The writer takes control before live before sync,
// and puts all waiting frames into one piece. So a busy link costs one system call for many messages,
// and an idle link no delay.
//
// Push-back goes the other way: a Handler that blocks, or a full verify queue, stops the reader, and TCP
// holds the peer back. Silence counts only while the reader waits for the peer, so a link isn't lost
// because its own side is busy. While a peer floods, the reader of its link rests as well (see Pacer).
//
// # Goodbye
//
// A plain close of a TCP connection loses messages. If data arrives at a closed socket, or lies unread in
// it, the kernel answers with a reset. The reset also drops data that the peer has not read yet. So both
// sides write all they have queued, then end their direction, then read to the other's end; only then the
// socket is closed. A side that receives Bye does the same without a Bye of its own.
package link
