package wording

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// The words of the seed's program. Its walkthrough shows them and scripts read them, so they never change.

// Started returns the rows that line mode begins with.
func Started(self event.Self) []sanitize.SafeText {
	return []sanitize.SafeText{
		sanitize.Trusted("🎙️  Starting P2P Chat..."),
		sanitize.Linef("👤 Your ID: %s", self.ID),
		sanitize.Linef("📡 Your Name: %s", sanitize.Name(self.Name)),
		sanitize.Linef("🔌 Listening on port: %d", self.Port),
		sanitize.Linef("🔗 TCP listener started on port %d", self.Port),
	}
}

// ArrivedLine reports a peer that came, where it is, and whether messages to it can be read on the way.
func ArrivedLine(label sanitize.SafeText, p event.Peer) sanitize.SafeText {
	var parts []string
	if p.Addr.IsValid() {
		parts = append(parts, Unmapped(p.Addr).Addr().String())
	}
	if !p.Encrypted() {
		parts = append(parts, notEncrypted)
	}
	if len(parts) == 0 {
		return sanitize.Linef("🔍 Discovered new peer: %s", label)
	}
	return sanitize.Linef("🔍 Discovered new peer: %s (%s)", label, strings.Join(parts, ", "))
}

// SentTo reports to how many peers a message went out. With none it waits for the first.
func SentTo(peers int) sanitize.SafeText {
	if peers == 0 {
		return sanitize.Trusted("📭 No one is here to read it yet")
	}
	return sanitize.Linef("📤 Message sent to %d peer(s)", peers)
}

// PeerList returns the rows of /list; label returns how a peer is shown.
func PeerList(peers []event.Peer, label func(event.Peer) sanitize.SafeText) []sanitize.SafeText {
	if len(peers) == 0 {
		return []sanitize.SafeText{sanitize.Trusted("👥 Discovered peers: none yet")}
	}
	rows := []sanitize.SafeText{sanitize.Trusted("👥 Discovered peers:")}
	for _, p := range peers {
		row := fmt.Sprintf("  - %s (%s)", label(p), p.ID)
		if p.Addr.IsValid() {
			row += " at " + Unmapped(p.Addr).String()
		}
		if p.State != event.Up {
			row += ", " + string(p.State)
		}
		for _, mark := range PeerMarks(p) {
			row += ", " + mark
		}
		rows = append(rows, sanitize.Line(row))
	}
	return rows
}
