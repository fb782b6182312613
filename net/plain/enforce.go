package plain

import (
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
)

// Enforce asks Policy, Native and Mute again about everybody, and lets go of those that may not be spoken
// to in clear any more.
func (p *Plain) Enforce() {
	p.mu.Lock()
	peers := slices.Collect(maps.Values(p.peers))
	guests := slices.Collect(maps.Keys(p.guests))
	p.mu.Unlock()
	for _, pe := range peers {
		if !p.allowed(pe) {
			p.remove(pe, event.Left)
		}
	}
	why := p.cfg.MuteReason()
	for _, g := range guests {
		leave := !p.cfg.Allowed(g.remote.Addr()) || g.named != "" && p.cfg.IsNative("", g.remote)
		p.mu.Lock()
		if leave {
			g.hangUp()
		} else {
			g.explain(why)
		}
		p.mu.Unlock()
	}
}

// explain tells a guest once why it isn't heard, and that it is again. While it isn't, nothing is written
// to it either, not even what waits. Called with Plain.mu held.
func (g *guest) explain(why string) {
	if g.muted == why || g.closing {
		return
	}
	g.muted = why
	text := "lines are heard again"
	if why != "" {
		g.queue, g.queued = nil, 0
		text = why + ": nothing that you write is heard, and nothing that is said is written to you"
	}
	rows := render("p2pchat", text)
	g.queue = append(g.queue, rows)
	g.queued += len(rows)
	g.start()
}

// hush drops a line that came while all is mute, and tells of it; true if it is.
func (p *Plain) hush(from string, g *guest) bool {
	why := p.cfg.MuteReason()
	if why == "" {
		return false
	}
	if g != nil {
		p.mu.Lock()
		g.explain(why)
		p.mu.Unlock()
	}
	p.cfg.Handler.Refused(from, why)
	return true
}

// silence empties a peer's queue. Its introduction, if that waited there, is for later. Called with mu held.
func (p *Plain) silence(pe *peer) {
	for _, o := range pe.queue {
		if o.object == nil {
			pe.introduced = time.Time{}
		}
	}
	pe.queue = nil
	p.moved()
}
