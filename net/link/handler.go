package link

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Handler receives the messages and events of a link.
//
// A single goroutine at a time calls Record, Records, Message, Frontier and Refused of a link, in the
// order in which the frames arrived. They may block: reading pauses then and TCP holds the peer back.
// They must return soon after the context of Config.Group has ended, and may call any method of the Link.
//
// Drained and State come from goroutines of their own, beside those, and must not block.
type Handler interface {
	// Record handles a live record whose signature was verified.
	Record(l *Link, r *record.Record)

	// Records handles the verified records of a Records frame, in its order. Invalid ones have gone to
	// Refused. m is the frame without its Records.
	Records(l *Link, m wire.Records, rs []*record.Record)

	// Message handles any other message but Hello, Ping, Pong, Heartbeat and Bye.
	Message(l *Link, m wire.Message)

	// Frontier handles the map of rooms to hashes of a Ping that has one.
	Frontier(l *Link, hashes map[string]string)

	// Refused counts a message that was not accepted. reason is one of the constants Refused….
	Refused(l *Link, reason string)

	// Drained is called when Live had returned false and all frames of the live queue have been written
	// since. Live accepts frames again. Drained may run before that Live has returned to its caller. So
	// hold a lock over Live and the reaction to its result, and take the same lock in Drained.
	Drained(l *Link)

	// State is called when the peer has been silent for 10 s (late), and when it is heard again.
	State(l *Link, late bool)

	// Down is called once, after all other calls have returned. No goroutine of the link runs any more,
	// and the socket is closed. why is a *ByeError if the peer said Bye, or nil if we did and the link was
	// drained. Otherwise it is ErrLost, ErrSlow, the error of a malformed frame, or the socket's error.
	Down(l *Link, why error)
}
