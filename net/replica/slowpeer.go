package replica

import (
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A slow peer takes records of some authors more slowly than they come. Those of others are pushed to it as before.
// So a flood that we hand on costs no one but its author:
//
//	live ── their part of its ──▶ slow: nothing of them is pushed
//	 ▲      queue is full           │ that part was written: Drained
//	 │                              ▼
//	 └── it lacks few records ───── it was sent our frontier, pulls at its own pace, and sends its own
//	     and they fit the queue     when it has all that ours named; if it still lacks many, again

// slowPeers brings slow peers level. What it needs stands under the replica's lock.
type slowPeers struct{ *Replica }

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

// maxSlow bounds the authors for which a peer is slow, and maxUnpushed the feeds that are remembered of what it wasn't
// sent. Others are found by the next comparison.
const (
	maxSlow     = 4096
	maxUnpushed = 1 << 16
)

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

// followSlowLocked takes what a slow peer says that it has. The peer may be level by now, pull on, or have to hear how far
// we are now.
func (r slowPeers) followSlowLocked(p *peer, theirs []room.Holding) {
	if p.advertised == nil {
		return // Drained is still to come
	}
	has := make(map[record.FeedKey]uint64, len(theirs)) // seq+1
	for _, h := range theirs {
		has[h.Key] = h.Seq + 1
	}
	lacksMany := r.slowPeers.levelLocked(p, has)
	if len(p.slow) == 0 {
		r.slowPeers.clearLocked(p)
		return
	}
	if !lacksMany {
		return // its queue is full for these authors: Drained is still to come
	}
	for _, h := range p.advertised {
		if has[h.Key] <= h.Seq && h.Floor <= h.Seq {
			return
		}
	}
	r.advertiseLocked(p)
}

// levelLocked pushes what a slow peer lacks of an author, if that is little, as far as its queue takes it. It reports
// whether the peer lacks much of another author. So an author that floods keeps no other one slow.
func (r slowPeers) levelLocked(p *peer, has map[record.FeedKey]uint64) (lacksMany bool) {
	behind := map[identity.Key][]room.Holding{}
	for _, h := range r.outlines.behindLocked(p) {
		if author := h.Key.Author; p.slow[author] {
			h.Floor = max(has[h.Key], h.Floor)
			behind[author] = append(behind[author], h)
		}
	}
	for _, author := range slices.SortedFunc(maps.Keys(p.slow), identity.Key.Compare) {
		tail, few := r.slowPeers.tailLocked(behind[author])
		if !few {
			lacksMany = true
			continue
		}
		delete(p.slow, author)
		maps.DeleteFunc(p.unpushed, func(key record.FeedKey, _ uint64) bool { return key.Author == author })
		for _, rec := range tail {
			if f := r.encode(wire.Record{Body: rec.Signed(), Sig: rec.Signature()}); f != nil {
				r.slowPeers.pushOrNoteLocked(p, rec, f, author)
			}
		}
	}
	if p.partial {
		p.advertised = slices.DeleteFunc(p.advertised, func(h room.Holding) bool { return !p.slow[h.Key.Author] })
	}
	return lacksMany
}

// pushOrNoteLocked pushes a live record to a peer that isn't slow for its author, and otherwise notes that it lacks it.
func (r slowPeers) pushOrNoteLocked(p *peer, rec *record.Record, f wire.Frame, from identity.Key) {
	author := rec.Author()
	if !p.slow[author] && p.pushLive(r.cfg, f, author, from) {
		return
	}
	r.slowPeers.setSlowLocked(p, author) // it pulls from now on
	p.noteUnpushedLocked(rec)
}

// tailLocked returns the records of feeds from their floors on, if they are few.
func (r slowPeers) tailLocked(of []room.Holding) (tail []*record.Record, few bool) {
	size := 0
	for _, h := range of {
		if h.Floor > h.Seq {
			continue
		}
		if h.Seq-h.Floor >= levelRecords {
			return nil, false
		}
		recs, more := r.room.RangeInMemory(room.Gap{Key: h.Key, From: h.Floor, To: h.Seq}, levelBytes)
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

// clearLocked ends a peer's slowness: it has all that we have, whichever way that came.
func (r slowPeers) clearLocked(p *peer) {
	if p.advertised == nil && len(p.slow) == 0 {
		return
	}
	clear(p.slow)
	p.advertised, p.unpushed = nil, nil
	r.cfg.Log.Info("peer is level", "peer", p.key.Short(), "room", r.id)
	r.notifyLocked()
}

// setSlowLocked notes that a peer takes an author's records more slowly than they come.
func (r slowPeers) setSlowLocked(p *peer, author identity.Key) {
	if p.slow[author] || len(p.slow) >= maxSlow {
		return
	}
	if len(p.slow) == 0 {
		r.cfg.Log.Info("peer is slow", "peer", p.key.Short(), "author", author.Short(), "room", r.id)
	}
	p.slow[author] = true
}
