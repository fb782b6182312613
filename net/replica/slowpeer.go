package replica

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A slow peer takes records more slowly than they come:
//
//	live ── its queue is full ──▶ slow: nothing is pushed
//	 ▲                              │ the queue was written: Drained
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
	if p := r.peerOfLocked(l); p != nil && p.slow {
		r.advertiseLocked(p)
	}
}

// advertiseLocked sends a slow peer how far we are by now.
func (r *Replica) advertiseLocked(p *peer) {
	p.advertised = r.frontiers.frontierForLocked(p)
	r.frontiers.sendFrontierLocked(p, true)
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
		p.advertised = nil
		r.setSlowLocked(p, false)
		for _, rec := range tail {
			f := r.encode(wire.Record{Body: rec.Signed(), Sig: rec.Signature()})
			if f != nil && !p.link.Live(f) {
				r.setSlowLocked(p, true)
				return
			}
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

// tailLocked returns the records above has, if they are few.
func (r *Replica) tailLocked(p *peer, has map[record.FeedKey]uint64) (tail []*record.Record, few bool) {
	size := 0
	for _, h := range r.frontiers.frontierForLocked(p) {
		from := max(has[h.Key], h.Floor)
		if from > h.Seq {
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

// setSlowLocked notes whether a peer is slow, and logs each change.
func (r *Replica) setSlowLocked(p *peer, slow bool) {
	if p.slow == slow {
		return
	}
	p.slow = slow
	text := "peer is level"
	if slow {
		text = "peer is slow"
	}
	r.cfg.Log.Info(text, "peer", p.key.Short(), "room", r.id)
}
