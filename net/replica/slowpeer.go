package replica

import (
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A slow peer takes records of some authors more slowly than they come. Those of others are pushed to it as before.
// So a flood that we hand on costs nobody but its author:
//
//	live ── their part of its ──▶ slow: nothing of them is pushed
//	 ▲      queue is full           │ that part was written: Drained
//	 │                              ▼
//	 └── it lacks few records ───── it was sent our frontier, pulls at its own pace, and sends its own
//	     and they fit the queue     when it has all that ours named; if it still lacks many, again

// How much a peer may lack and still be brought level by its live queue.
const (
	levelRecords = 200
	levelBytes   = 128 << 10
)

// Drained follows the moment in which a live queue that was full has been written.
func (r *Replica) Drained(l Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peerOfLocked(l); p != nil && len(p.slow) > 0 {
		r.advertiseLocked(p)
	}
}

// maxUnpushed bounds the feeds that are remembered of what a slow peer wasn't sent. Others are found by the next
// comparison.
const maxUnpushed = 1 << 16

// noteUnpushedLocked remembers a record that a slow peer wasn't sent.
func (p *peer) noteUnpushedLocked(rec *record.Record) {
	key := rec.FeedKey()
	if p.unpushed == nil {
		p.unpushed = map[record.FeedKey]uint64{}
	}
	if _, noted := p.unpushed[key]; !noted && key.Feed != 0 && len(p.unpushed) < maxUnpushed {
		p.unpushed[key] = rec.Seq()
	}
}

// advertiseLocked sends a slow peer how far we are by now. Where that is much, it names only the feeds of which
// something wasn't sent.
func (r *Replica) advertiseLocked(p *peer) {
	if !r.outlines.bySumsLocked(p) {
		p.partial, p.unpushed = false, nil
		p.advertised = r.frontiers.frontierForLocked(p)
		r.frontiers.sendFrontierLocked(p, true)
		return
	}
	if p.sending {
		p.advertiseNext = true
		return
	}
	for _, h := range p.advertised { // that it lacks still
		if _, noted := p.unpushed[h.Key]; !noted && p.partial {
			p.unpushed[h.Key] = h.Seq + 1
		}
	}
	p.partial, p.advertised = true, r.outlines.unpushedLocked(p)
	p.unpushed = map[record.FeedKey]uint64{}
	r.frontiers.sendPartLocked(p, p.advertised, true)
}

// unpushedLocked returns what a slow peer hears that we hold of the feeds of which something wasn't sent.
func (r outlines) unpushedLocked(p *peer) []room.Holding {
	out := make([]room.Holding, 0, len(p.unpushed))
	for key := range p.unpushed {
		if h, ok := r.room.HoldingOf(key); ok && !p.refusesAuthor(key.Author) {
			out = append(out, p.limit(h))
		}
	}
	slices.SortFunc(out, func(a, b room.Holding) int { return a.Key.Compare(b.Key) })
	return out
}

// followSlowLocked looks whether a slow peer is level, pulls on, or must hear how far we are now.
func (r *Replica) followSlowLocked(p *peer, theirs []room.Holding) {
	if p.advertised == nil || p.link.LiveSpace() == 0 {
		return // Drained is still to come
	}
	has := make(map[record.FeedKey]uint64, len(theirs)) // seq+1
	for _, h := range theirs {
		has[h.Key] = h.Seq + 1
	}
	if tail, few := r.tailLocked(p, has); few {
		p.advertised, p.unpushed = nil, nil
		clear(p.slow)
		r.cfg.Log.Info("peer is level", "peer", p.key.Short(), "room", r.id)
		for _, rec := range tail {
			f, author := r.encode(wire.Record{Body: rec.Signed(), Sig: rec.Signature()}), rec.Author()
			if f != nil && !p.slow[author] && !p.pushLive(r.cfg, f, author, author) {
				r.setSlowLocked(p, author)
			}
			if p.slow[author] {
				p.noteUnpushedLocked(rec)
			}
		}
		if len(p.slow) > 0 {
			return
		}
		r.notifyLocked()
		return
	}
	for _, h := range p.advertised {
		if has[h.Key] <= h.Seq && h.Floor <= h.Seq {
			return
		}
	}
	r.advertiseLocked(p)
}

// tailLocked returns the records of slow authors above has, if they are few.
func (r *Replica) tailLocked(p *peer, has map[record.FeedKey]uint64) (tail []*record.Record, few bool) {
	size := 0
	for _, h := range r.outlines.behindLocked(p) {
		from := max(has[h.Key], h.Floor)
		if from > h.Seq || !p.slow[h.Key.Author] {
			continue
		}
		if h.Seq-from >= levelRecords {
			return nil, false
		}
		recs, more := r.room.RangeInMemory(room.Gap{Key: h.Key, From: from, To: h.Seq}, levelBytes)
		for _, rec := range recs {
			size += len(rec.Signed())
		}
		if tail = append(tail, recs...); more || len(tail) > levelRecords || size > levelBytes {
			return nil, false
		}
	}
	return tail, true
}

// behindLocked returns what we hold of the feeds in which a slow peer may be behind. Where it was sent the beginning of
// such a feed, the holding's floor is where that ends.
func (r outlines) behindLocked(p *peer) []room.Holding {
	if !p.partial {
		return r.frontiers.frontierForLocked(p)
	}
	var out []room.Holding
	for _, h := range p.advertised {
		if now, ok := r.room.HoldingOf(h.Key); ok {
			out = append(out, p.limit(now))
		}
	}
	for _, h := range r.outlines.unpushedLocked(p) {
		_, advertised := slices.BinarySearchFunc(p.advertised, h.Key, func(h room.Holding, key record.FeedKey) int { return h.Key.Compare(key) })
		if !advertised {
			h.Floor = max(h.Floor, p.unpushed[h.Key])
			out = append(out, h)
		}
	}
	return out
}

// setSlowLocked notes that a peer takes an author's records more slowly than they come.
func (r *Replica) setSlowLocked(p *peer, author identity.Key) {
	if !p.slow[author] {
		p.slow[author] = true
		r.cfg.Log.Info("peer is slow", "peer", p.key.Short(), "author", author.Short(), "room", r.id)
	}
}
