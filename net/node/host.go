package node

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
)

// roomHost is the process as one of its rooms sees it. It implements replica.Host. Cleartext belongs to
// the home room: a Chat frame names no room, and plain peers know none.
type roomHost struct {
	n     *Node
	scope event.Scope
	home  bool
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

// LocalName implements replica.Host.
func (h roomHost) LocalName() string {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	return h.n.mu.name
}

// TakeName implements replica.Host.
func (h roomHost) TakeName(r *record.Record) { h.n.takeName(r) }

// RelayMessage implements replica.Host.
func (h roomHost) RelayMessage(l event.Line) {
	if h.home {
		h.n.cleartext.relayToLineClients(l)
	}
}

// SendCleartext implements replica.Host.
func (h roomHost) SendCleartext(l event.Line) int {
	if !h.home {
		return 0
	}
	return h.n.cleartext.send(l)
}

// CountPlainPeers implements replica.Host.
func (h roomHost) CountPlainPeers() int {
	if !h.home {
		return 0
	}
	return len(h.n.cleartext.plain.Peers())
}

// PolicyKnown implements replica.Host.
func (h roomHost) PolicyKnown() {
	if h.home {
		h.n.cleartext.onPolicyKnown()
	}
}

// PolicyChanged implements replica.Host.
func (h roomHost) PolicyChanged(event.Policy) {
	if h.home {
		h.n.cleartext.onPolicyChanged()
	}
}

// Refuse implements replica.Host.
func (h roomHost) Refuse(from identity.Key, reason string) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	name := from.Short()
	if p := h.n.mu.peers[from]; p != nil {
		name = p.Name
	}
	h.n.refuseLocked(h.scope, name, reason)
}

// ScheduleFlush implements replica.Host.
func (h roomHost) ScheduleFlush() { h.n.scheduleFlush() }
