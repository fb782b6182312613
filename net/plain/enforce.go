package plain

import (
	"slices"

	"chat.lan/p2pchat/net/event"
)

// Enforce asks Allowed, IsNative and MuteReason again about all peers, and ends those that may not be sent
// cleartext any more.
func (p *Plain) Enforce() {
	p.json.enforce()
	p.lines.enforce()
}

func (j *jsonPeers) enforce() {
	for _, pe := range slices.Collect(j.each) {
		if !j.mayReceive(pe) {
			j.remove(pe, event.Left)
		}
	}
}

func (l *lineClients) enforce() {
	why := l.cfg.MuteReason()
	for _, c := range slices.Collect(l.each) {
		if !l.cfg.Allowed(c.remote.Addr()) || c.named != "" && l.cfg.IsNative("", c.remote) {
			c.hangUp()
		} else {
			c.explainMute(why)
		}
	}
}

// explainMute tells a line client once why it isn't heard, and once that it is again. While it isn't,
// nothing is written to it either, not even what waits.
func (c *lineClient) explainMute(why string) {
	c.clients.mu.Lock()
	defer c.clients.mu.Unlock()
	if c.mutedFor == why || c.closing {
		return
	}
	c.mutedFor = why
	text := "lines are heard again"
	if why != "" {
		c.queue, c.queued = nil, 0
		text = why + ": nothing that you write is heard, and nothing that is said is written to you"
	}
	c.queueLocked(formatLine("p2pchat", text))
}

// dropIfMuted reports whether a message came while cleartext is muted, and then refuses it. c is the line
// client that sent it, nil for a JSON peer.
func (l *lineClients) dropIfMuted(from string, c *lineClient) bool {
	why := l.cfg.MuteReason()
	if why == "" {
		return false
	}
	if c != nil {
		c.explainMute(why)
	}
	l.cfg.Handler.Refused(from, why)
	return true
}
