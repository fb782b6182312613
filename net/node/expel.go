package node

import (
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// A peer that sends forgeries costs us a verification each. It is sent away once it sent many in a short time. A new
// key is free, so the next keys of its address have less patience to spend. No program that works sends any.
const (
	maxForged   = 100 // forgeries that a key sends in forgedIn before it is expelled
	forgedIn    = 10 * time.Second
	expelledFor = time.Minute
	maxExpelled = 256 // addresses that are remembered for expelledFor
)

// expulsions counts forgeries. It is guarded by Node.mu.
type expulsions struct {
	recent map[standing.Source][]time.Time // when keys of an address were expelled, the last minute's
}

// isForgery reports whether a reason to refuse something says that its sender made it up.
func isForgery(reason string) bool {
	return reason == link.RefusedSignature || reason == link.RefusedRecord
}

// noteForgedLocked counts a forgery of p, and reports whether that was one too many.
func (e *expulsions) noteForgedLocked(p *peer, from standing.Source, now time.Time) bool {
	e.dropOldLocked(now)
	p.forged = append(slices.DeleteFunc(p.forged, func(at time.Time) bool { return now.Sub(at) > forgedIn }), now)
	if len(p.forged) < max(1, maxForged>>len(e.recent[from])) {
		return false
	}
	p.forged = nil
	if e.recent == nil {
		e.recent = map[standing.Source][]time.Time{}
	}
	if len(e.recent) < maxExpelled || e.recent[from] != nil {
		e.recent[from] = append(e.recent[from], now)
	}
	return true
}

// dropOldLocked forgets expulsions of more than a minute ago.
func (e *expulsions) dropOldLocked(now time.Time) {
	for from, times := range e.recent {
		times = slices.DeleteFunc(times, func(at time.Time) bool { return now.Sub(at) > expelledFor })
		if e.recent[from] = times; len(times) == 0 {
			delete(e.recent, from)
		}
	}
}

// noteForged counts a forgery that came over l, and sends its peer away after many.
func noteForged(n *Node, l *link.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peerOfLocked(l)
	if p == nil {
		return
	}
	from := n.standings.Source(p.Key, p.Key)
	if l.Ending() || !n.mu.expulsions.noteForgedLocked(p, from, time.Now()) {
		return
	}
	if len(n.mu.expulsions.recent[from]) <= 1 { // the next keys of this address are the same trouble
		n.notice(event.Warning, fmt.Sprintf("%s (%s) at %s sends forged messages", p.Name, p.Key.Short(), l.RemoteAddr().Addr()),
			"disconnected for a minute; none of them was shown")
	}
	n.mesh.Expel(p.Key, wire.ByeSignatures, expelledFor)
}
