package node

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
)

// roomHost is the process as its home room sees it. It implements replica.Host, with the methods of
// cleartext: that belongs to the home room, since a Chat frame names no room and plain peers know none.
type roomHost struct {
	*cleartext
	room event.Scope
}

// Peer implements replica.Host.
func (h roomHost) Peer(key identity.Key) (event.Peer, bool) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	p := h.n.mu.peers[key]
	if p == nil {
		return event.Peer{}, false
	}
	return p.now(), true
}

// Refuse implements replica.Host.
func (h roomHost) Refuse(from identity.Key, reason string) { h.n.refuse(h.room, from, reason) }

// ScheduleFlush implements replica.Host.
func (h roomHost) ScheduleFlush() { h.n.scheduleFlush() }
