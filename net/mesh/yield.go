package mesh

import (
	"time"

	"chat.lan/p2pchat/net/group"
)

// Of two peers that aren't linked yet, the one with the greater key dials, and the other waits for that dial. When many
// peers start at once, the greater key has many handshakes to make, and its dial may come late. If the smaller key then
// dialled too, most pairs would shake hands twice, which makes a start half as long again. So the smaller key goes on
// waiting before its first dial while links come up one after the other. Once it has dialled in vain it waits no more: the
// other may be unable to dial.

const (
	busyLinks = 3               // so many links within busyFor mean that a room starts
	busyFor   = time.Second     // see busyLinks
	yieldStep = busyFor / 4     // between two looks whether it still does
	yieldMost = 4 * time.Second // after that the smaller key dials all the same
)

// recentLinks remembers when the last links came up.
type recentLinks struct {
	at   [busyLinks]time.Time
	next int
}

func (r *recentLinks) add(now time.Time) {
	r.at[r.next] = now
	r.next = (r.next + 1) % len(r.at)
}

// isBusy reports whether links come up one after the other. r.next is the oldest that is remembered.
func (r *recentLinks) isBusy(now time.Time) bool {
	oldest := r.at[r.next]
	return !oldest.IsZero() && now.Sub(oldest) < busyFor
}

// yield waits, before the smaller key's first dial, while the greater key is likely to be busy. It reports false when
// the mesh ends, or the peer is forgotten.
func (m *Mesh) yield(p *peer) bool {
	for end := time.Now().Add(yieldMost); m.shouldYield(p, end); {
		if !group.Sleep(p.ctx, yieldStep, nil) {
			return false
		}
	}
	return true
}

func (m *Mesh) shouldYield(p *peer, end time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	return m.self.Compare(p.key) < 0 && now.Before(end) && m.wantsLinkLocked(p) && m.recent.isBusy(now)
}
