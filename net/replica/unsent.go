package replica

import "chat.lan/p2pchat/net/room"

// A frontier that a link's control queue has no space for is sent a moment later, as it is by then. Without it a slow
// peer would wait for ever to hear how far we are.

// unsent is a frontier that wasn't sent, or not all of it.
type unsent struct {
	part  []room.Holding // the feeds that it names; nil: all
	ask   bool
	whole bool // more was lost than one part
}

// noteUnsentLocked notes that the control queue had no space for a frontier.
func (r frontiers) noteUnsentLocked(p *peer, o outgoing) {
	before := p.unsent
	p.unsent = &unsent{part: o.feeds, ask: o.ask, whole: !o.head.Part || len(o.feeds) == 0}
	if before != nil {
		p.unsent.ask, p.unsent.whole = o.ask || before.ask, true
	}
}

// resendLocked sends again what the control queue had no space for. A slow peer hears how far we are by now.
func (r frontiers) resendLocked(p *peer) {
	u := p.unsent
	if u == nil || p.sending {
		return
	}
	p.unsent = nil
	switch {
	case len(p.slow) > 0 && u.ask:
		r.advertiseLocked(p)
	case u.whole:
		r.frontiers.sendFrontierLocked(p, u.ask)
	default:
		r.frontiers.sendPartLocked(p, r.frontiers.sameFeedsLocked(p, u.part), u.ask)
	}
}
