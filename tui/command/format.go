package command

import (
	"fmt"

	"chat.lan/p2pchat/net/event"
)

// PeerMarks is what there is to say of a peer besides its state, in words for people.
func PeerMarks(p event.Peer) (words []string) {
	if !p.Encrypted() {
		words = append(words, "not encrypted")
	}
	if p.Verified {
		words = append(words, "verified")
	}
	if p.Ignored {
		words = append(words, "ignored")
	}
	return words
}

// InterfaceSummary is what becomes of looking for peers on an interface, in words for people; raw.
func InterfaceSummary(i event.Interface) string {
	switch {
	case i.Error != "":
		return i.Error
	case i.Skipped != "":
		return "skipped: " + i.Skipped
	}
	return fmt.Sprintf("%d beacons sent, %d of others heard", i.Sent, i.Heard)
}
