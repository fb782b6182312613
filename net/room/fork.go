package room

import (
	"chat.lan/p2pchat/crypto/record"
)

// Fork is the evidence that an author signed two records for one place of a feed, after the same
// record: a program that is not ours. Nothing of the feed from Seq on is kept. Of several pairs the one
// with the lowest Seq counts, so that the same records make the same room.
type Fork struct {
	Key  record.FeedKey
	Seq  uint64
	A, B *record.Record // by id; nil when they are not kept any more
}

// Doubt says that somebody has another chain of a feed than the one that is here. Where the two part is
// below Seq: asking for what he has there shows it.
type Divergence struct {
	Key record.FeedKey
	Seq uint64
}

// again compares a record with the one that is here in its place.
func (r *Room) again(key record.FeedKey, f *feed, rec *record.Record) Outcome {
	here := f.at(rec.Seq())
	switch {
	case here != nil && here.ID() == rec.ID():
	case here != nil:
		return r.differ(key, f, here, rec)
	case rec.Seq()+1 == f.next() && f.any && f.head == rec.ID():
	case rec.Seq() >= f.base:
		return Outcome{InStore: &Gap{Key: key, From: rec.Seq(), To: rec.Seq()}}
	}
	return Outcome{}
}

// Against is Accept of a record whose place is below what is in memory (Outcome.Below), given the record
// that the store has there.
func (r *Room) CompareStored(rec, here *record.Record) Outcome {
	if here.ID() == rec.ID() || here.Author() != rec.Author() || here.Feed() != rec.Feed() || here.Seq() != rec.Seq() {
		return Outcome{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := rec.FeedKey()
	f := r.feeds[key]
	if f == nil || rec.Seq() >= f.next() {
		return Outcome{}
	}
	return r.differ(key, f, here, rec)
}

// differ is two records for one place. They are evidence where both follow the same record: only there
// do their chains part, and everybody finds the same place.
func (r *Room) differ(key record.FeedKey, f *feed, a, b *record.Record) Outcome {
	if a.Prev() != b.Prev() {
		return Outcome{Diverged: &Divergence{Key: key, Seq: b.Seq()}}
	}
	if f.fork != nil && f.fork.Seq <= a.Seq() {
		return Outcome{}
	}
	if a.ID().Head() > b.ID().Head() {
		a, b = b, a // the same pair everywhere, whichever came first
	}
	f.fork = &Fork{Key: key, Seq: a.Seq(), A: a, B: b}
	r.bytes -= f.cut(a.Seq(), a.Prev())
	for seq := range f.ahead {
		if seq >= a.Seq() {
			r.unwait(f, seq)
		}
	}
	r.version++
	return Outcome{Fork: f.fork}
}

// Forks are the forks of the feeds that a peer still has beyond them.
func (r *Room) ForksUnknownTo(theirs []Holding) []Fork {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Fork
	for _, h := range theirs {
		if f := r.feeds[h.Key]; f != nil && f.fork != nil && f.fork.A != nil && h.Seq >= f.fork.Seq {
			out = append(out, *f.fork)
		}
	}
	return out
}

// Differs lists the feeds of which a peer has as much as this room, or less, but other records: what it
// says to have at its end isn't what is here.
func (r *Room) FindDivergences(theirs []Holding) []Divergence {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Divergence
	for _, h := range theirs {
		f := r.feeds[h.Key]
		if f == nil || f.fork != nil || h.Head == 0 || h.Floor > h.Seq || h.Seq >= f.next() {
			continue
		}
		here := f.at(h.Seq)
		if here != nil && here.ID().Head() != h.Head || here == nil && h.Seq+1 == f.next() && f.any && f.head.Head() != h.Head {
			out = append(out, Divergence{Key: h.Key, Seq: h.Seq + 1})
		}
	}
	return out
}
