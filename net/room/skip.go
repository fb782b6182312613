package room

import (
	"math"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// AcceptBehind takes a record as Accept does, with a stub that a peer sent for the records before it. A stub counts
// only where its records are missing, and only with the record behind it. That names the id of the last of them, so
// the author has signed as many. Their bodies are still welcome (Fill).
func (r *Room) AcceptBehind(stub store.Stub, rec *record.Record) (Outcome, error) {
	key := rec.FeedKey()
	f := r.feeds[key]
	switch {
	case rec.Body().Room != r.id || f == nil || key == r.ownFeed || stub.Key != key || stub.To+1 != rec.Seq() || stub.ID != rec.Prev(),
		stub.From > f.next() || stub.To < f.next(),
		f.fork != nil && rec.Seq() >= f.fork.Seq:
		return r.Accept(rec)
	}
	r.clock.observe(rec.Time())
	stub.Room, stub.From = r.id, f.next()
	r.dropWaiting(f, 0, rec.Seq()+1)
	r.skipTo(key, f, rec.Seq(), stub.ID)
	return Outcome{Skipped: &stub, Added: r.extend(key, f, rec)}, nil
}

// skipTo moves a feed's end up to next without the records before. Stubs stand for them in the store.
func (r *Room) skipTo(key record.FeedKey, f *feed, next uint64, head record.ID) {
	r.memBytes -= f.memBytes
	f.endBefore(next, head)
	r.noteChanged(key, f)
}

// Fill decides about a record for a place where the store has a stub, and reports whether its body is kept. The
// caller has seen that it fits those around it.
func (r *Room) Fill(rec *record.Record) bool {
	f := r.feeds[rec.FeedKey()]
	return f != nil && f.holds(rec.Seq()) && r.withinUnknownLimit(f, rec)
}

// MayHold reports whether a place of a feed is held, by a record or a stub. In a cold block any place may be.
func (r *Room) MayHold(key record.FeedKey, seq uint64) bool {
	f := r.feeds[key]
	return f != nil && f.holds(seq) || r.isColdFeed(key)
}

func (f *feed) holds(seq uint64) bool { return f.floor <= seq && seq < f.next() }

// WaitingAt returns the record that waits for its predecessors at a place, or nil.
func (r *Room) WaitingAt(key record.FeedKey, seq uint64) *record.Record {
	if f := r.feeds[key]; f != nil {
		return f.waiting[seq]
	}
	return nil
}

// withinUnknownLimit counts rec if its kind is unknown. Our own feed has no limit.
func (r *Room) withinUnknownLimit(f *feed, rec *record.Record) bool {
	if !rec.Kind().CountsAsUnknown() || rec.FeedKey() == r.ownFeed {
		return true
	}
	if f.unknownBytes+len(rec.Signed()) > MaxUnknown {
		return false
	}
	f.unknownBytes += len(rec.Signed())
	return true
}

// ProveFork returns the fork that two verified records of a feed prove: two records for one place, or a record that
// doesn't follow the one before it. It doesn't matter in which order they come.
func ProveFork(a, b *record.Record) (*Fork, bool) {
	if a.FeedKey() != b.FeedKey() || a.Body().Room != b.Body().Room {
		return nil, false
	}
	if a.Seq() > b.Seq() || a.Seq() == b.Seq() && a.ID().Head() > b.ID().Head() {
		a, b = b, a
	}
	f := &Fork{Key: a.FeedKey(), Seq: a.Seq(), A: a, B: b}
	switch {
	case a.Seq() == b.Seq() && a.ID() != b.ID():
		if a.Prev() != b.Prev() && a.Seq() > 0 {
			f.Seq-- // at the latest: the records before differ as well
		}
		return f, true
	case a.Seq()+1 == b.Seq() && b.Prev() != a.ID():
		return f, true
	}
	return nil, false
}

// HasCommonPrev reports whether the fork's records follow the same one, so that they prove it to every program.
func (f *Fork) HasCommonPrev() bool { return f.A.Seq() == f.B.Seq() && f.A.Prev() == f.B.Prev() }

// TakeFork ends a feed at a fork. head is the id of the record before in this room, zero if unknown.
func (r *Room) TakeFork(fork *Fork, head record.ID) Outcome {
	f := r.feeds[fork.Key]
	if f == nil || f.fork != nil && f.fork.Seq <= fork.Seq {
		return Outcome{}
	}
	f.fork = fork
	r.memBytes -= f.cutAt(fork.Seq, head)
	r.dropWaiting(f, fork.Seq, math.MaxUint64)
	r.noteChanged(fork.Key, f)
	r.leaveForked(fork.Key)
	return Outcome{Fork: fork}
}
