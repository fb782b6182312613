package replica

import (
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

const (
	// askedFrames are what a question of ours asks for: 192 KiB of records, for which a link of 50 kB/s takes the 4 s
	// that a peer has (see room.Planner).
	askedFrames = 4
	// maxStrangersClaims bounds what is kept of the claims of all strangers of a source. Each of them may have maxRanges
	// even so, which one question takes.
	maxStrangersClaims = 1 << 13
	spreadEvery        = time.Second // between two times at which neighbours hear of what came by catching up
	countRest          = 20          // times as long as counting took passes before what is missing is counted again
)

// catchUp asks peers for what is missing here, and says how much that is. What it guards stands under the replica's lock.
type catchUp struct{ *Replica }

// catchUpState is what catchUp remembers.
type catchUpState struct {
	countAt time.Time    // what is missing may be counted again
	due     bool         // Flush must count it
	asked   bool         // a question went out since it was counted
	of      identity.Key // the peer that was asked last, or ended its answer last

	spread    time.Time // when neighbours last heard of what came by catching up
	spreadDue bool      // Tick must have them hear of more
}

// askLocked puts the next question to a peer, if it has something that is missing here.
func (r *Replica) askLocked(p *peer) {
	q, any := r.planner.NextQuestion(p.key)
	if any {
		w := wire.Want{Room: r.id, N: q.N, Frames: askedFrames}
		for _, g := range q.Gaps {
			w.Ranges = append(w.Ranges, wire.Range{Author: g.Key.Author, Feed: g.Key.Feed.String(), From: g.From, To: g.To})
		}
		r.send(p.link, w)
	}
	if any || !r.planner.IsAsked(p.key) { // else an answer ends later
		r.catchUp.countLocked(p.key, any)
	}
	r.outlines.pullLocked(p)
}

// askSoonLocked does what askLocked and onCaughtUpLocked do, or has Flush do it if that was done a moment ago. To look for
// what is missing takes long where much is claimed, and a peer may send records with gaps, and answers that bring nothing,
// as fast as it likes.
func (r *Replica) askSoonLocked(p *peer) {
	if now := time.Now(); now.Sub(p.askedGaps) >= AckEvery {
		p.askedGaps, p.gapsDue = now, false
		r.askLocked(p)
		r.onCaughtUpLocked(p)
	} else if !p.gapsDue {
		p.gapsDue = true
		r.cfg.Host.ScheduleFlush()
	}
}

// countLocked counts what is missing, and posts it after a question or when nothing is missing any more. To count takes
// long where many peers claim much, so Flush does it if it was done a moment ago.
func (c catchUp) countLocked(of identity.Key, asked bool) {
	s, began := &c.mu.catchUp, time.Now()
	s.of, s.asked = of, s.asked || asked
	if began.Before(s.countAt) {
		s.due = true
		c.cfg.Host.ScheduleFlush()
		return
	}
	missing, asked := c.planner.CountMissing(), s.asked
	now := time.Now()
	s.countAt, s.due, s.asked = now.Add(countRest*now.Sub(began)), false, false
	if asked || missing == 0 && !c.puller.Running(of) {
		c.cfg.Events.Post(event.Sync{Scope: c.scope, Have: c.room.Count(), Missing: missing})
	}
}

// flushLocked does what countLocked left.
func (c catchUp) flushLocked() {
	if s := &c.mu.catchUp; s.due {
		c.catchUp.countLocked(s.of, s.asked)
	}
}

// onCaughtUpLocked follows the end of an answer. Peers that had what we lacked hear when we lack it no more. Once
// nothing of from's is missing, so do neighbours that may not hear of it from its authors.
func (r *Replica) onCaughtUpLocked(from *peer) {
	for _, p := range r.mu.linked {
		if p.wantsFrontier && !r.outlines.isBehindLocked(p) {
			p.wantsFrontier = false
			r.frontiers.sendFrontierLocked(p, false)
		}
		r.frontiers.replyToPartLocked(p)
	}
	r.catchUp.spreadLocked(from)
}

// spreadLocked has neighbours hear of the authors whose records came by catching up, once nothing of from's is missing.
// If they heard of others a moment ago, Tick does it: each of them gets a frontier.
func (c catchUp) spreadLocked(from *peer) {
	s, now := &c.mu.catchUp, time.Now()
	if len(c.mu.newAuthors) == 0 || c.outlines.isBehindLocked(from) {
		return
	}
	if s.spreadDue = now.Sub(s.spread) < spreadEvery; s.spreadDue {
		return
	}
	s.spread = now
	for _, p := range c.mu.linked {
		if p == from {
			continue
		}
		for author := range c.mu.newAuthors {
			if author != p.key && !p.neighbours.Has(author) {
				c.frontiers.sendFrontierLocked(p, false)
				break
			}
		}
	}
	clear(c.mu.newAuthors)
}

// limitClaimsLocked sets how much of what a peer claims is kept. Strangers share that by their source: one host may have
// many links, and each claim is looked at under the lock.
func (c catchUp) limitClaimsLocked(p *peer) {
	most := room.MaxClaims
	if level, _ := c.cfg.Host.Standing(p.key, p.key); level < standing.Known {
		most = max(maxStrangersClaims-c.catchUp.sumOfSourceLocked(p, func(q *peer) int { return c.planner.CountClaims(q.key) }), maxRanges)
	}
	c.planner.SetLimit(p.key, most)
}

// sumOfSourceLocked adds up something of the other linked peers of p's source.
func (c catchUp) sumOfSourceLocked(p *peer, of func(*peer) int) (sum int) {
	for _, q := range c.mu.linked {
		if q != p && q.source == p.source {
			sum += of(q)
		}
	}
	return sum
}
