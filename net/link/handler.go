package link

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Handler is told what happens on a link.
//
// Record, Records, Message, Frontier and Refused are called by one goroutine at a time per link, in
// the order in which the frames arrived. They may block: reading pauses then and TCP holds the peer
// back. They must return soon after the context of Config.Group has ended. They may call any method
// of the Link.
//
// Drained and State come from goroutines of their own, beside those, and must not block.
type Handler interface {
	// Record is a live record whose signature has been verified.
	Record(l *Link, r *record.Record)

	// Records are the verified ones of a Records frame, in its order; those that were bad have gone
	// to Refused. m is the frame without its Records.
	Records(l *Link, m wire.Records, rs []*record.Record)

	// Message is any other message but Hello, Ping, Pong, Heartbeat and Bye.
	Message(l *Link, m wire.Message)

	// Frontier is the room → hash map of a Ping that has one.
	Frontier(l *Link, hashes map[string]string)

	// Refused is something that was not taken, to be counted; reason is one of the constants
	// Refused….
	Refused(l *Link, reason string)

	// Drained: Live had returned false, and all that was in the live queue has been written since.
	// Live takes frames again. It can come before that Live has returned to its caller: hold one
	// lock over Live with what is done about a false, and in Drained.
	Drained(l *Link)

	// State: nothing was heard for 10 s (late), or the peer is heard again.
	State(l *Link, late bool)

	// Down is called once, after all other calls have returned; nothing of the link runs any more
	// and the socket is closed. why is a *ByeError if the peer said Bye; nil if we did and all was
	// drained; ErrLost, ErrSlow, what Abort was given, what was wrong with a frame, or the socket's
	// error.
	Down(l *Link, why error)
}
