package wording

import "chat.lan/p2pchat/net/event"

// What a peer's standing means, one sentence each; raw. README has the same.
const (
	KnownMeans    = "Known: you trust or verified this key, or it was here for long on more than one day; it goes first when strangers crowd the room."
	TrustedMeans  = "Trusted: you said with /trust that you know whose key this is, without comparing words."
	VerifiedMeans = "Verified: you compared this key's words with its owner, so that no one in between can pose as them."
)

// Standing returns what a peer's standing is and means to the user, for the peer's details; raw.
func Standing(s event.Standing) string {
	switch s {
	case event.Known:
		return "known: goes first when strangers crowd the room"
	case event.Met:
		return "met: here for a while, goes before strangers · /trust makes it known"
	case event.Heard:
		return "new: comes last when the room is crowded · /trust makes it known"
	}
	return ""
}
