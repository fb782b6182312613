// Package room holds the signed records of one room and decides which belong to it (DESIGN.md §3).
//
// A Room is state under one lock: no goroutine, no I/O. It takes verified records in any order and
// from anybody, keeps each author's feeds as gapless chains, and says what each record did: whether
// it is new, already known, waits for a predecessor, or shows that its feed was forked. It answers
// what peers ask when they compare (Frontier, Hash, Missing, Range), and it makes one's own records.
//
// What it holds is a pure function of the records it was given, whatever their order: two rooms that
// were given the same have the same Frontier and Hash. Records live in memory, up to a bound; what
// falls out of it moves the feed's floor up, and floors are announced, so that nobody asks for what
// is gone.
//
// Planner, beside it, decides which missing records to ask of whom.
package room

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// DefaultBytes bounds the bodies that a room keeps in memory.
const DefaultBytes = 64 << 20

// maxWaiting bounds the records that are kept without their predecessor, in all feeds together. What is
// beyond comes again by asking.
const maxWaiting = 4096

// ErrForeign is returned for a record of another room.
var ErrForeign = errors.New("record belongs to another room")

// FeedKey names a feed: the feed's number alone could be claimed by anybody.
type FeedKey struct {
	Author identity.Key
	Feed   record.Feed
}

// Fork is the evidence that an author signed two records for one place of a feed: a program that is
// not ours, or two that share a key and a feed. Nothing of the feed above Seq is shown.
type Fork struct {
	Key  FeedKey
	Seq  uint64
	A, B *record.Record
}

// Room is the state of one room. Its methods may be called from any goroutine.
type Room struct {
	id    record.RoomID
	self  *identity.Identity
	limit int

	mu      sync.Mutex // guards everything below
	clock   clock
	feeds   map[FeedKey]*feed
	waiting int // records in all feed.ahead
	bytes   int // bodies held
	count   int // records held
	version uint64
	hash    string // of version hashed
	hashed  uint64

	name    string // one's own, as it will be or was said
	own     FeedKey
	ownLast record.ID // last record of one's own, in whatever feed
}

// New returns the empty room id for one's own identity and name. now is the wall clock; limit bounds
// the bytes of bodies held, 0 for DefaultBytes.
func New(id record.RoomID, self *identity.Identity, name string, now func() time.Time, limit int) *Room {
	if limit <= 0 {
		limit = DefaultBytes
	}
	return &Room{
		id: id, self: self, limit: limit, name: name,
		clock: clock{now: now},
		feeds: map[FeedKey]*feed{},
		own:   FeedKey{Author: self.Key()},
	}
}

// ID is the room's.
func (r *Room) ID() record.RoomID { return r.id }

// Entry is a record that took its place, with what its author was called when it was said.
type Entry struct {
	Record *record.Record
	Name   string
}

// Outcome says what a record did.
type Outcome struct {
	Added []Entry // the record and those that waited for it, in feed order; nil: nothing is new
	Gap   *Gap    // set when the record waits for predecessors that are not here
	Fork  *Fork   // set once, when the record shows that its feed was forked
}

// Gap is what lies between a feed's end here and a record that came too early; both included.
type Gap struct {
	Key      FeedKey
	From, To uint64
}

// Accept takes a verified record of anybody, live or caught up. It returns ErrForeign for one of
// another room, and an error for one that stands outside feeds.
func (r *Room) Accept(rec *record.Record) (Outcome, error) {
	if rec.Body().Room != r.id {
		return Outcome{}, ErrForeign
	}
	if rec.Feed() == 0 {
		return Outcome{}, fmt.Errorf("room: a %s record outside any feed is not known here", rec.Kind())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := FeedKey{rec.Author(), rec.Feed()}
	f := r.feeds[key]
	if f == nil {
		f = newFeed()
		r.feeds[key] = f
	}
	r.clock.observe(rec.Time())
	if f.fork != nil {
		return Outcome{}, nil
	}
	switch {
	case rec.Seq() < f.next():
		return r.again(key, f, rec), nil
	case !f.follows(rec):
		return r.wait(key, f, rec), nil
	}
	var out Outcome
	for rec != nil {
		if !r.append(key, f, rec) {
			break
		}
		out.Added = append(out.Added, Entry{rec, f.name})
		rec = f.take()
		if rec != nil {
			r.waiting--
		}
	}
	r.trim()
	return out, nil
}

// again compares a record with the one that is here in its place.
func (r *Room) again(key FeedKey, f *feed, rec *record.Record) Outcome {
	here := f.at(rec.Seq())
	if here == nil || here.ID() == rec.ID() {
		return Outcome{}
	}
	return Outcome{Fork: r.forked(key, f, here, rec)}
}

// wait keeps a record that came before its predecessors, within bounds.
func (r *Room) wait(key FeedKey, f *feed, rec *record.Record) Outcome {
	if old := f.ahead[rec.Seq()]; old != nil {
		if old.ID() != rec.ID() {
			return Outcome{Fork: r.forked(key, f, old, rec)}
		}
	} else if r.waiting < maxWaiting {
		f.ahead[rec.Seq()] = rec
		r.waiting++
	} else if !f.any {
		delete(r.feeds, key) // nothing of it is kept
	}
	return Outcome{Gap: &Gap{Key: key, From: f.next(), To: rec.Seq() - 1}}
}

// append puts rec at the feed's end. A record that doesn't name the one before as its predecessor
// belongs to another chain of the same feed: a fork below it, of which the pair proves nothing yet,
// so it is dropped like one that never came.
func (r *Room) append(key FeedKey, f *feed, rec *record.Record) bool {
	if !f.chains(rec) {
		return false
	}
	f.push(rec)
	r.bytes += len(rec.Signed())
	r.count++
	r.version++
	if key.Author == r.self.Key() {
		r.ownLast = rec.ID()
	}
	return true
}

// forked ends a feed below the pair.
func (r *Room) forked(key FeedKey, f *feed, a, b *record.Record) *Fork {
	if a.ID().Head() > b.ID().Head() {
		a, b = b, a // the same pair everywhere, whichever came first
	}
	f.fork = &Fork{Key: key, Seq: a.Seq(), A: a, B: b}
	r.waiting -= len(f.ahead)
	clear(f.ahead)
	r.version++
	return f.fork
}

// trim drops the oldest records of the largest feeds until the bound is kept.
func (r *Room) trim() {
	for r.bytes > r.limit {
		var largest *feed
		for _, f := range r.feeds {
			if largest == nil || f.bytes > largest.bytes {
				largest = f
			}
		}
		// An eighth at a time, so that a long flood doesn't pay for this at every record.
		freed, n := largest.drop(max(1, len(largest.records)/8))
		r.bytes -= freed
		r.count -= n
		if n == 0 {
			return
		}
	}
}

// Count is the number of records held.
func (r *Room) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}
