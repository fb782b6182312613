package replica

import (
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

const (
	// askedFrames are what a question of ours asks for: 192 KiB of records, for which a link of 50 kB/s takes the 4 s
	// that a peer has (see room.Planner).
	askedFrames = 4
	// maxStrangersClaims bounds what is kept of the claims of all strangers of a source. Each may have maxRanges in any
	// case: one question asks for no more.
	maxStrangersClaims = 1 << 15
	spreadEvery        = time.Second // between two times at which neighbours hear of what came by catching up
	countRest          = 20          // missing records are counted again after so many times as long as counting took
)

// catchUp asks peers for what is missing here, and reports how much that is. What it guards stands under the replica's lock.
type catchUp struct{ *Replica }

// catchUpState is what catchUp remembers.
type catchUpState struct {
	countAt time.Time // missing records may be counted again
	due     bool      // Flush must count it
	asked   bool      // a question went out since it was counted
	ended   bool      // an answer has ended since then, and no comparison by sums goes on with its peer

	spread    time.Time // when neighbours last heard of what came by catching up
	spreadDue bool      // Tick must tell them of more
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
		r.catchUp.countLocked(any, !r.puller.Running(p.key))
	}
	r.outlines.pullLocked(p)
}

// askSoonLocked does what askLocked and onCaughtUpLocked do, or has Flush do it if that was done a moment ago. Looking
// for missing records takes long where peers claim many. A peer may send records with gaps, and answers that bring
// nothing, as fast as it likes.
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

// countLocked counts what is missing, and posts that after a question, or when nothing is missing after an answer has
// ended. To count takes long where many peers claim much, so Flush does it if it was done a moment ago.
func (c catchUp) countLocked(asked, ended bool) {
	s, began := &c.mu.catchUp, time.Now()
	s.asked, s.ended = s.asked || asked, s.ended || ended
	if s.due = began.Before(s.countAt); s.due {
		c.cfg.Host.ScheduleFlush()
		return
	}
	missing := c.planner.CountMissing()
	now := time.Now()
	s.countAt = now.Add(countRest * now.Sub(began))
	if s.asked || s.ended && missing == 0 {
		c.cfg.Events.Post(event.Sync{Scope: c.scope, Have: c.room.Count(), Missing: missing})
	}
	s.asked, s.ended = false, false
}

// flushLocked does what countLocked left.
func (c catchUp) flushLocked() {
	if c.mu.catchUp.due {
		c.catchUp.countLocked(false, false)
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
	if len(r.mu.newAuthors) > 0 && !r.outlines.isBehindLocked(from) {
		r.catchUp.spreadLocked(from)
	}
}

// spreadLocked tells neighbours of the authors whose records came by catching up, but not from, which has them; nil leaves
// out no one. Each gets a frontier. If they had one a moment ago, Tick does it.
func (c catchUp) spreadLocked(from *peer) {
	s, now := &c.mu.catchUp, time.Now()
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

// isStrangerLocked reports whether a peer shares bounds with others of its source.
func (c catchUp) isStrangerLocked(p *peer) bool {
	level, _ := c.cfg.Host.Standing(p.key, p.key)
	return level < standing.Known
}

// shareLocked returns what of a bound is left to a peer. Strangers share it by their source, since one host may have many
// links, but each may have least in any case.
func (c catchUp) shareLocked(p *peer, most, least int, used func(*peer) int) int {
	if !c.catchUp.isStrangerLocked(p) {
		return most
	}
	for _, q := range c.mu.linked {
		if q != p && q.source == p.source && c.catchUp.isStrangerLocked(q) {
			most -= used(q)
		}
	}
	return max(most, least)
}

// limitClaimsLocked sets how much of what a peer claims is kept: each claim is looked at under the lock.
func (c catchUp) limitClaimsLocked(p *peer) {
	most := c.catchUp.shareLocked(p, maxStrangersClaims, maxRanges, func(q *peer) int { return c.planner.CountClaims(q.key) })
	c.planner.SetLimit(p.key, most)
}
