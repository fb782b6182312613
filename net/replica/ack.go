package replica

import (
	"cmp"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// AckEvery is how long acknowledgements are gathered before Flush sends them (see package wire, Have).
const AckEvery = 50 * time.Millisecond

// maxHeads is how many feeds a Have names.
const maxHeads = 256

// acks follows which peers have our own feed. The replica's lock guards it.
type acks struct{ *Replica }

// queueAckLocked notes that a record must be acknowledged to its author, and to the peer that sent it live, if any.
func (r *Replica) queueAckLocked(from *peer, rec *record.Record) {
	key := rec.FeedKey()
	if from != nil {
		from.toAck[key] = true
	}
	if author := r.mu.peers[rec.Author()]; author != nil && author.link != nil {
		author.toAck[key] = true
	}
	r.cfg.Host.ScheduleFlush()
}

// Flush sends the acknowledgements that were gathered for a moment: one Have on each link that waits for one. Messages
// that were gathered go out as well, and what askSoonLocked and catchUp left is done.
func (r *Replica) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.releaseLocked()
	r.catchUp.flushLocked()
	for _, p := range r.mu.linked {
		if p.gapsDue {
			r.askSoonLocked(p)
		}
		if len(p.toAck) == 0 {
			continue
		}
		m := wire.Have{Room: r.id}
		for key := range p.toAck {
			if len(m.Heads) == maxHeads {
				r.cfg.Host.ScheduleFlush()
				break
			}
			if seq, ok := r.room.LastSeq(key); ok {
				m.Heads = append(m.Heads, wire.Head{Author: key.Author, Feed: key.Feed.String(), Seq: seq})
			}
			delete(p.toAck, key)
		}
		if len(m.Heads) > 0 {
			r.send(p.link, m)
		}
	}
}

// takeAckLocked takes a peer's Have.
func (r acks) takeAckLocked(p *peer, m wire.Have) {
	own, seq, any := r.room.OwnFeed()
	i := slices.IndexFunc(m.Heads, func(h wire.Head) bool { return h.Author == own.Author && h.Feed == own.Feed.String() })
	if any && i >= 0 && m.Heads[i].Seq <= seq {
		r.onAckedLocked(p, m.Heads[i].Seq+1)
	}
}

// onAllAckedLocked follows a peer's hash that equals ours: it holds what we do, our own feed included unless it refuses
// that.
func (r *Replica) onAllAckedLocked(p *peer) {
	if own, seq, any := r.room.OwnFeed(); any && !p.refusesAuthor(own.Author) {
		r.onAckedLocked(p, seq+1)
	}
}

// onAckedLocked notes that a peer has our own feed below upto, and posts how many have the newest message of it.
func (r *Replica) onAckedLocked(p *peer, upto uint64) {
	if upto <= p.acked {
		return
	}
	p.acked = upto
	r.notifyLocked()
	own, _, _ := r.room.OwnFeed()
	for seq := upto; seq > 0; seq-- {
		recs, _ := r.room.RangeInMemory(room.Gap{Key: own, From: seq - 1, To: seq - 1}, 1)
		if len(recs) == 0 {
			return
		}
		if recs[0].Kind().IsShown() {
			r.cfg.Events.Post(r.refusals.deliveredLocked(recs[0].ID().String(), seq))
			return
		}
	}
}

// audienceLocked returns the peers that have our own feed below upto, and those that should have it:
// they are here, were here when it was sent, or got it later.
func (r acks) audienceLocked(upto uint64) (has, lacks []*peer) {
	for _, p := range r.mu.peers {
		switch {
		case p.acked >= upto:
			has = append(has, p)
		case p.link != nil || p.due >= upto:
			lacks = append(lacks, p)
		}
	}
	return has, lacks
}

// WhoHas returns which peers have the last message of this run, of those it is for. It reports false if none was sent.
func (r *Replica) WhoHas() (event.Reach, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := event.Reach{Line: r.mu.lastSent}
	if out.Line.ID == "" {
		return out, false
	}
	has, lacks := r.acks.audienceLocked(out.Line.Place.Seq + 1)
	out.Has, out.Lacks = r.acks.peersLocked(has), r.acks.peersLocked(lacks)
	return out, true
}

// peersLocked returns peers as events carry them, by name.
func (r acks) peersLocked(ps []*peer) []event.Peer {
	out := make([]event.Peer, 0, len(ps))
	for _, p := range ps {
		e, _ := r.cfg.Host.Peer(p.key)
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b event.Peer) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out
}
