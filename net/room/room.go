// Package room holds the signed records of one room and decides which belong to it (DESIGN.md §3).
//
// A Room is state under one lock: no goroutine, no I/O. It takes verified records in any order and
// from anybody, keeps each author's feeds as gapless chains, and says what each record did: whether
// it is new, already known, waits for a predecessor, or shows that its feed was forked. It answers
// what peers ask when they compare (Frontier, Hash, Missing, Range), and it makes one's own records.
//
// What it holds is a pure function of the records it was given, whatever their order: two rooms that
// were given the same have the same Frontier and Hash. The last records live in memory, up to a bound;
// all of them are in a store, which is the caller's: Load begins with what it has, Floors and Lower
// follow what it loses. Floors are announced, so that nobody asks for what is gone.
//
// Planner, beside it, decides which missing records to ask of whom.
package room

import (
	"errors"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// Bounds of what a room keeps in memory.
const (
	DefaultMemory = 8 << 20 // bodies; the store has the others
	MaxUnknown    = 1 << 20 // bodies of one author whose kind this version doesn't know (DESIGN.md §10)
	maxFeeds      = 1 << 16
	maxWaiting    = 4096    // records kept without their predecessor, in all feeds; more come again by asking
	waitingBytes  = 8 << 20 // their bodies
)

// Why Accept refuses a record.
var (
	ErrNoFeed = errors.New("record outside any feed")
	ErrFull   = errors.New("record above the bounds of a room")
)

// Room is the state of one room. Its methods may be called from any goroutine.
type Room struct {
	id    record.RoomID
	self  *identity.Identity
	limit int

	mu      sync.Mutex // guards everything below
	clock   clock
	feeds   map[record.FeedKey]*feed
	waiting int                  // records in all feed.ahead
	ahead   int                  // their bodies, in bytes
	bytes   int                  // bodies held
	unknown map[identity.Key]int // bodies of unknown kinds that were taken, in bytes
	version uint64
	hash    string // of version hashed
	hashed  uint64

	name    string // one's own, as it will be or was said
	own     record.FeedKey
	ownLast record.ID // last record of one's own, in whatever feed
	ownTime record.Time
}

// New returns the empty room id for one's own identity and name. now is the wall clock; limit bounds
// the bytes of bodies held, 0 for DefaultBytes.
func New(id record.RoomID, self *identity.Identity, name string, now func() time.Time, limit int) *Room {
	if limit <= 0 {
		limit = DefaultMemory
	}
	return &Room{
		id: id, self: self, limit: limit, name: name,
		clock: clock{now: now},
		feeds: map[record.FeedKey]*feed{}, unknown: map[identity.Key]int{},
		own: record.FeedKey{Author: self.Key()},
	}
}

// ID is the room's.
func (r *Room) ID() record.RoomID { return r.id }

// Outcome says what a record did.
type Outcome struct {
	Added    []store.Entry // the record and those that waited for it, in feed order; nil: nothing is new
	Gap      *Gap          // set when the record waits for predecessors that are not here
	Fork     *Fork         // set once, when the record shows that its feed was forked
	Diverged *Divergence   // set when the record is of another chain than the one that is here
	InStore  *Gap          // set when its place is in the store: Against says what it is, given the record there
}

// Gap is what lies between a feed's end here and a record that came too early; both included.
type Gap struct {
	Key      record.FeedKey
	From, To uint64
}

// Accept takes a verified record of anybody, live or caught up. The error is record.ErrOtherRoom, ErrNoFeed or
// ErrFull.
func (r *Room) Accept(rec *record.Record) (Outcome, error) {
	if rec.Body().Room != r.id {
		return Outcome{}, record.ErrOtherRoom
	}
	if rec.Feed() == 0 {
		return Outcome{}, ErrNoFeed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := rec.FeedKey()
	f := r.feeds[key]
	if f == nil {
		if len(r.feeds) >= maxFeeds {
			return Outcome{}, ErrFull
		}
		f = newFeed()
		r.feeds[key] = f
	}
	r.clock.observe(rec.Time())
	switch {
	case rec.Seq() < f.next():
		return r.again(key, f, rec), nil
	case f.fork != nil && rec.Seq() >= f.fork.Seq:
		return Outcome{}, nil
	case f.full:
		return Outcome{}, ErrFull
	case !f.follows(rec):
		return r.wait(key, f, rec), nil
	case !f.chains(rec):
		// Of another chain of the same feed: they part below, where both records are needed to show it.
		return Outcome{Diverged: &Divergence{Key: key, Seq: rec.Seq()}}, nil
	}
	out := Outcome{Added: r.extend(key, f, rec)}
	if f.full && out.Added == nil {
		return out, ErrFull
	}
	return out, nil
}

// extend puts rec at the feed's end, and after it the records that waited for it.
func (r *Room) extend(key record.FeedKey, f *feed, rec *record.Record) (added []store.Entry) {
	for ; rec != nil && r.append(key, f, rec); rec = r.take(f) {
		added = append(added, store.Entry{Record: rec, Name: f.name})
	}
	r.trim()
	return added
}

// wait keeps a record that came before its predecessors, within bounds.
func (r *Room) wait(key record.FeedKey, f *feed, rec *record.Record) Outcome {
	size := len(rec.Signed())
	if old := f.ahead[rec.Seq()]; old != nil {
		if old.ID() != rec.ID() {
			return r.differ(key, f, old, rec)
		}
	} else if r.waiting < maxWaiting && r.ahead+size <= waitingBytes {
		if len(f.ahead) == 0 {
			f.gap = r.clock.now()
		}
		f.ahead[rec.Seq()] = rec
		r.waiting++
		r.ahead += size
	} else if !f.any && len(f.ahead) == 0 {
		delete(r.feeds, key) // nothing of it is kept
	}
	return Outcome{Gap: &Gap{Key: key, From: f.next(), To: rec.Seq() - 1}}
}

// take removes and returns the waiting record that would extend the feed, or nil.
func (r *Room) take(f *feed) *record.Record { return r.unwait(f, f.next()) }

func (r *Room) unwait(f *feed, seq uint64) *record.Record {
	rec := f.ahead[seq]
	if rec != nil {
		delete(f.ahead, seq)
		r.waiting--
		r.ahead -= len(rec.Signed())
	}
	return rec
}

// append puts rec at the feed's end, unless it is of another chain.
func (r *Room) append(key record.FeedKey, f *feed, rec *record.Record) bool {
	if !f.chains(rec) || !r.affords(f, rec) {
		return false
	}
	f.push(rec)
	r.bytes += len(rec.Signed())
	r.version++
	if key.Author == r.self.Key() && rec.Time().Compare(r.ownTime) >= 0 {
		r.ownLast, r.ownTime = rec.ID(), rec.Time()
	}
	return true
}

// affords counts what an author has in kinds that nobody here can read. Above the bound his feed ends:
// a chain can't go on without one of its links.
func (r *Room) affords(f *feed, rec *record.Record) bool {
	if !rec.Kind().CountsAsUnknown() {
		return true
	}
	size := r.unknown[rec.Author()] + len(rec.Signed())
	if f.full = size > MaxUnknown; f.full {
		r.forget(f)
		return false
	}
	r.unknown[rec.Author()] = size
	return true
}

// forget drops what waits in a feed that goes no further.
func (r *Room) forget(f *feed) {
	for seq := range f.ahead {
		r.unwait(f, seq)
	}
}

// trim lets go of the oldest records of the largest feeds until the bound on memory is kept.
func (r *Room) trim() {
	for r.bytes > r.limit {
		var largest *feed
		for _, f := range r.feeds {
			if len(f.records) > 1 && (largest == nil || f.bytes > largest.bytes) {
				largest = f
			}
		}
		if largest == nil {
			r.empty()
			return
		}
		// An eighth at a time, so that a long flood doesn't pay for this at every record.
		r.bytes -= largest.drop(max(1, len(largest.records)/8))
	}
}

// empty lets go of all records but the last of one's own: there are so many feeds that the last records
// of each are too much by themselves.
func (r *Room) empty() {
	for key, f := range r.feeds {
		if key != r.own {
			r.bytes -= f.drop(len(f.records))
		}
	}
}

// Count is the number of records held, in memory and in the store.
func (r *Room) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, f := range r.feeds {
		n += int(f.next() - f.base)
	}
	return n
}
