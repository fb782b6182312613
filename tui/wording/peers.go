package wording

import (
	"net/netip"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// What it means that a peer is relayed; raw.
const (
	ThroughOthers = "reached through others"
	RelayedMeans  = "here, " + ThroughOthers
)

// notEncrypted warns that messages to a peer can be read on the way.
const notEncrypted = "not encrypted"

// GetsUnsigned says that a peer in clear goes by a verified person's name; raw.
const GetsUnsigned = "gets only /unsigned"

// Arrived reports a peer that came, under its label.
func Arrived(label sanitize.SafeText, p event.Peer) sanitize.SafeText {
	if !p.Encrypted() {
		return sanitize.Linef("%s is here, "+notEncrypted, label)
	}
	return sanitize.Linef("%s is here", label)
}

// Left reports a peer that said goodbye.
func Left(label sanitize.SafeText) sanitize.SafeText { return sanitize.Linef("%s left", label) }

// Lost reports a peer whose connection broke.
func (ph Phrases) Lost(label sanitize.SafeText) sanitize.SafeText {
	return sanitize.Linef("%s %s", label, ph.either("is lost: the connection broke", "lost"))
}

// Renamed reports a peer's new name.
func Renamed(from, to sanitize.SafeText) sanitize.SafeText {
	return sanitize.Linef("%s is now called %s", from, to)
}

// Unshown reports that a person sent something of a kind that this version doesn't know.
func Unshown(label sanitize.SafeText) sanitize.SafeText {
	return sanitize.Linef("%s sent something that this version can't show", label)
}

// PeerMarks returns the words for a peer besides its state.
func PeerMarks(p event.Peer) (words []string) {
	if !p.Encrypted() {
		words = append(words, notEncrypted)
	}
	if p.Verified {
		words = append(words, "verified")
	}
	if p.Ignored {
		words = append(words, "ignored")
	}
	if p.HeldBack {
		words = append(words, GetsUnsigned)
	}
	return words
}

// Unmapped shows an IPv4 address as one, though a dual-stack socket names it ::ffff:10.0.0.7.
func Unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// FirstSteps says what to do once the first peer is here.
func FirstSteps() sanitize.SafeText {
	return sanitize.Trusted("Type a message and press Enter. F6: peers, Ctrl+Up: copy, ?: all keys, /quit: leave.")
}
