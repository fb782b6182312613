package node

import (
	"errors"

	"chat.lan/p2pchat/net/wire"
)

// warnRefused reports why a peer that we dialled doesn't take us.
func warnRefused(n *Node, addr, reason string) {
	text, hint := "it ended the connection", "it is asked again for ever; /disconnect "+addr+" stops that"
	switch reason {
	case wire.ByeFull:
		text, hint = "no place is free there", "it is asked again for ever; any other peer of the room will do: /connect HOST:PORT"
	case wire.ByeRoom:
		text, hint = "it is in another room", "start with its --room to meet it"
	case wire.ByeVersion:
		text, hint = "its version is too different from yours", "update the older program"
	case wire.ByeSignatures:
		text, hint = "it keeps you out for a minute, because it got many records from you with bad signatures", "update this program, or start it again"
	}
	n.warnCantConnect(addr, errors.New(text), hint)
}
