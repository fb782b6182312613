package room

import (
	"math"

	"chat.lan/p2pchat/crypto/record"
)

// Fork is the evidence that an author signed two records for one place (see the package comment). Of several forks
// in a feed the one with the lowest Seq counts, so that the same records make the same room.
type Fork struct {
	Key  record.FeedKey
	Seq  uint64
	A, B *record.Record // sorted by id; nil when the evidence was lost
}

// Divergence says that a peer's records of a feed are of another chain than ours, which parts from it below Seq.
type Divergence struct {
	Key record.FeedKey
	Seq uint64
}

// compareExisting compares rec with the record that is here in its place.
func (r *Room) compareExisting(key record.FeedKey, f *feed, rec *record.Record) Outcome {
	here := f.recordAt(rec.Seq())
	switch {
	case here != nil && here.ID() == rec.ID():
	case here != nil:
		return r.noteConflict(key, f, here, rec)
	case rec.Seq()+1 == f.next() && f.head == rec.ID():
	case rec.Seq() >= f.floor:
		return Outcome{InStore: true}
	}
	return Outcome{}
}

// CompareStored compares a record that Accept said is InStore with the one that the store has in its place.
func (r *Room) CompareStored(rec, here *record.Record) Outcome {
	if here.ID() == rec.ID() || here.Author() != rec.Author() || here.Feed() != rec.Feed() || here.Seq() != rec.Seq() {
		return Outcome{}
	}
	key := rec.FeedKey()
	f := r.feeds[key]
	if f == nil || rec.Seq() >= f.next() {
		return Outcome{}
	}
	return r.noteConflict(key, f, here, rec)
}

// noteConflict handles two records for one place: a fork if both follow the same record, else a divergence.
func (r *Room) noteConflict(key record.FeedKey, f *feed, a, b *record.Record) Outcome {
	if a.Prev() != b.Prev() {
		return Outcome{Diverged: &Divergence{Key: key, Seq: b.Seq()}}
	}
	if f.fork != nil && f.fork.Seq <= a.Seq() {
		return Outcome{}
	}
	if a.ID().Head() > b.ID().Head() {
		a, b = b, a // all peers choose the same pair, in whatever order it came
	}
	f.fork = &Fork{Key: key, Seq: a.Seq(), A: a, B: b}
	r.memBytes -= f.cutAt(a.Seq(), a.Prev())
	r.dropWaiting(f, a.Seq(), math.MaxUint64)
	r.noteChanged(key, f)
	r.leaveForked(key)
	return Outcome{Fork: f.fork}
}

// ForksUnknownTo lists the forks in feeds of which a peer holds records at the fork or behind it.
func (r *Room) ForksUnknownTo(theirs []Holding) []Fork {
	var out []Fork
	for _, h := range theirs {
		if f := r.feeds[h.Key]; f != nil && f.fork != nil && f.fork.A != nil && h.Seq >= f.fork.Seq {
			out = append(out, *f.fork)
		}
	}
	return out
}

// FindDivergences lists the feeds of which a peer claims another last record than this room has in
// that place. It leaves out feeds of which the peer has more than this room.
func (r *Room) FindDivergences(theirs []Holding) []Divergence {
	var out []Divergence
	for _, h := range theirs {
		f := r.feeds[h.Key]
		if f == nil || f.fork != nil || h.Head == 0 || h.Floor > h.Seq || h.Seq >= f.next() {
			continue
		}
		id := f.head
		if here := f.recordAt(h.Seq); here != nil {
			id = here.ID()
		} else if h.Seq+1 != f.next() || !f.knowsHead() {
			continue
		}
		if id.Head() != h.Head || h.Tail != 0 && headTail(id) != h.Tail {
			out = append(out, Divergence{Key: h.Key, Seq: h.Seq + 1})
		}
	}
	return out
}
