// Package room holds the signed records of one room and decides which belong to it.
//
// A Room is state without goroutines, I/O or locks: the caller holds one lock around it and its Planner. It takes
// verified records in any order and from any peer, and reports what each record did. It signs local records, and it
// answers what peers ask when they compare rooms. What it holds depends only on the records it was given, not on
// their order: after the same records, two rooms have the same Frontier and Hash.
//
// Chains. Each run of a program writes one feed, named by its author and the time of its beginning; a run may also
// go on with the feed of the one before (ContinueFeed). A feed's records are
// numbered from 0, and each names the id of the one before it (Prev). Record 0 may name the last record of the
// author's previous feed. A room keeps each feed as a chain without a gap: Accept takes a record only if it is the
// next one and names the last one. If a feed's beginning is gone, the first record held is taken without that
// check. Records that come before their predecessors wait, at most 4096 of them and 8 MiB in all feeds. Their authors
// share that space as package standing says. Outcome.Gap says which records are missing. How many feeds there may be,
// and how many records, is for the caller to say: it asks before Accept, and calls RemoveAuthor. Blocks of feeds that
// don't change any more are in the store only (cold.go). At most 65,536 feeds are in memory or being read from disk, and
// authors share that space (memory.go says what isn't asked about).
//
// Order. A feed is ordered by its numbers. All records of a room are ordered by time, author, feed and number
// (record.Compare). Time is a hybrid logical clock: milliseconds since 1970 and a counter. A local record's time
// lies behind all times seen before, except those more than 5 minutes ahead of the local clock. Any counter that a
// record takes is valid. After one above 2^20 the local clock goes on at the next millisecond with counter 0.
//
// Gaps. Records that no peer has any more leave a gap that can't be filled. StartFeedAt then begins the feed again
// where the copies of all asked peers begin, under rules that protect a feed from false claims. Floors are
// announced in Frontier, so that peers don't ask for records that are gone.
//
// Forks. Two records for one place, both behind the same record, prove that the author forked the feed. Every peer
// sees the same proof, so every peer ends the feed below that place, for good; a fork found further down replaces
// it. Two records for one place behind different records belong to chains that part further down. A Divergence
// leads there, by asking for the peer's earlier records.
//
// Unknown kinds. A chain needs every link, so a room also stores and forwards records of kinds that
// this version doesn't know, up to 1 MiB of bodies per feed and run. Above that it keeps only their ids,
// as stubs in the store, and the chain goes on. A peer takes a stub only with the record behind it
// (AcceptBehind), and puts any record that still comes in its place (Fill).
//
// Comparison. Frontier lists the floor and the end of each feed. Hash covers the ends only: SHA-256
// over the feeds sorted by author and feed number. For each feed it takes the author's key (32
// bytes), the feed number, the last seq, and the first 8 bytes of the last record's id. The numbers
// are 8 bytes each, big-endian. The hash is the first 8 bytes, in hex. Missing lists what a peer
// has and the room lacks; Planner decides which peer to ask for it.
//
// Sums cover the ends as well, in four levels, so that rooms compare at the cost of what differs. An
// author's feeds form blocks by the first 22 bits of their numbers. A block's sum covers the author,
// the block (4 bytes), and its feeds: number, last seq, and the first 16 bytes of the last record's id.
// An author's sum covers the blocks, each with its sum. A bucket's sum covers the authors whose keys
// begin with the same byte, each with its sum, and the room's sum covers the 256 buckets. All are
// sorted, and each sum is the first 16 bytes of SHA-256. What holds no record has the zero sum; a
// block or author with the zero sum is left out. Floors are not covered.
//
// Memory. The last records of each feed stay in memory, 8 MiB by default. All records are in a
// store, which the caller owns. Restore begins with what the store holds; DropBelow and
// ResaveOrTruncate follow what the store loses.
package room

import (
	"errors"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

// Limits of what a room holds in memory.
const (
	DefaultMemory = 8 << 20 // bytes of bodies; the store has the others
	MaxUnknown    = 1 << 20 // bytes of bodies of unknown kinds, per feed (see the package comment)
)

// Errors of Accept, beside record.ErrOtherRoom.
var (
	ErrNoFeed = errors.New("record outside any feed")
	ErrFull   = errors.New("record above the bounds of a room")
)

// Room is the state of one room.
type Room struct {
	coldBlocks
	feedSums
	id    record.RoomID
	self  *identity.Identity
	limit int

	clock   clock
	feeds   map[record.FeedKey]*feed
	rank    Rank
	memory  feedMemory
	waiting waiting  // in all feeds
	found   struct { // by findFeed; feed is nil if it was none
		key  record.FeedKey
		feed *feed
	}
	memBytes  int                  // bytes of bodies in memory
	coldForks map[BlockKey][]*Fork // forks in cold blocks
	hash      string               // what Hash returned; "" once that has changed
	sums      sums

	continued bool // ownFeed is an earlier run's

	name    string // the local name, as the next or last record says it
	ownFeed record.FeedKey
	ownLast record.ID // last local record in any feed
	ownTime record.Time
}

// New returns an empty room. now is the wall clock; limit bounds the bytes of bodies in memory, 0: DefaultMemory.
func New(id record.RoomID, self *identity.Identity, name string, now func() time.Time, limit int) *Room {
	if limit <= 0 {
		limit = DefaultMemory
	}
	r := &Room{
		id: id, self: self, limit: limit, name: name,
		clock:   clock{now: now},
		rank:    func(identity.Key) (standing.Level, standing.Source) { return standing.Heard, standing.Source{} },
		memory:  newFeedMemory(MaxWarmFeeds),
		feeds:   map[record.FeedKey]*feed{},
		ownFeed: record.FeedKey{Author: self.Key()}, waiting: newWaiting(),
	}
	r.coldBlocks, r.feedSums = coldBlocks{r}, feedSums{r}
	return r
}

// Outcome says what a record did.
type Outcome struct {
	Added    []store.Entry // the record and those that waited for it, in feed order; nil: nothing is new
	Gap      *Gap          // the record waits for these predecessors
	Fork     *Fork         // set once, when the record proves that its feed forks
	Diverged *Divergence   // the record belongs to another chain than this room's
	InStore  bool          // the record's place is in the store: CompareStored decides about it, or Fill
	Skipped  *store.Stub   // what stands in the store for the records before Added
}

// Gap is a run of missing records of a feed; both ends included.
type Gap struct {
	Key      record.FeedKey
	From, To uint64
}

// Accept takes a verified record from any peer. Its errors are record.ErrOtherRoom, ErrNoFeed, ErrCold and ErrFull.
func (r *Room) Accept(rec *record.Record) (Outcome, error) {
	if rec.Body().Room != r.id {
		return Outcome{}, record.ErrOtherRoom
	}
	if rec.Feed() == 0 {
		return Outcome{}, ErrNoFeed
	}
	key := rec.FeedKey()
	f := r.findFeed(key)
	if f == nil {
		if r.isColdFeed(key) {
			return Outcome{}, ErrCold
		}
		if !r.mayBegin(key.Author) {
			return Outcome{}, ErrFull
		}
		f = r.addFeed(key)
	}
	r.clock.observe(rec.Time())
	if key == r.ownFeed && rec.Seq() >= f.next() {
		r.LeaveFeed() // somebody else signs there with our key
	}
	switch {
	case rec.Seq() < f.next():
		return r.compareExisting(key, f, rec), nil
	case f.fork != nil && rec.Seq() >= f.fork.Seq:
		return Outcome{}, nil
	case rec.Seq() > f.next():
		return r.holdBack(key, f, rec), nil
	case !f.extendsHead(rec):
		// The chains part further down. Only there do two records prove a fork.
		return Outcome{Diverged: &Divergence{Key: key, Seq: rec.Seq()}}, nil
	}
	return Outcome{Added: r.extend(key, f, rec)}, nil
}

// extend appends rec to its feed, and behind it the records that waited for it.
func (r *Room) extend(key record.FeedKey, f *feed, rec *record.Record) (added []store.Entry) {
	for ; rec != nil; rec = r.takeWaiting(f, f.next()) {
		e, ok := r.appendRecord(key, f, rec)
		if !ok {
			break
		}
		added = append(added, e)
	}
	r.trimMemory()
	return added
}

// holdBack keeps a record that came before its predecessors, within the limits.
func (r *Room) holdBack(key record.FeedKey, f *feed, rec *record.Record) Outcome {
	if old := f.waiting[rec.Seq()]; old != nil {
		if old.ID() != rec.ID() {
			return r.noteConflict(key, f, old, rec)
		}
	} else {
		r.addWaiting(f, rec)
		r.dropEmptyFeed(key, f)
	}
	return Outcome{Gap: &Gap{Key: key, From: f.next(), To: rec.Seq() - 1}}
}

// appendRecord appends rec to its feed, unless it belongs to another chain. Above the limit of unknown kinds only its
// id stays.
func (r *Room) appendRecord(key record.FeedKey, f *feed, rec *record.Record) (store.Entry, bool) {
	if !f.extendsHead(rec) {
		return store.Entry{}, false
	}
	if !r.withinUnknownLimit(f, rec) {
		r.skipTo(key, f, rec.Seq()+1, rec.ID())
		return store.Entry{Record: rec, Name: f.name, Skipped: true}, true
	}
	f.add(rec)
	r.memBytes += len(rec.Signed())
	r.noteChanged(key, f)
	if key.Author == r.self.Key() && rec.Time().Compare(r.ownTime) >= 0 {
		r.ownLast, r.ownTime = rec.ID(), rec.Time()
	}
	return store.Entry{Record: rec, Name: f.name}, true
}

// dropWaiting drops the records that wait in a feed from seq from on, below seq end.
func (r *Room) dropWaiting(f *feed, from, end uint64) {
	for seq := range f.waiting {
		if seq >= from && seq < end {
			r.takeWaiting(f, seq)
		}
	}
}

// trimMemory drops the oldest records of the largest feeds until memory is within its limit.
func (r *Room) trimMemory() {
	for r.memBytes > r.limit {
		var largest *feed
		for _, f := range r.feeds {
			if len(f.records) > 1 && (largest == nil || f.memBytes > largest.memBytes) {
				largest = f
			}
		}
		if largest == nil { // so many are the feeds that even their last records are too much
			for key, f := range r.feeds {
				if key != r.ownFeed {
					r.memBytes -= f.dropOldest(len(f.records))
				}
			}
			return
		}
		// An eighth at a time: a long flood must not pay for this search at every record.
		r.memBytes -= largest.dropOldest(max(1, len(largest.records)/8))
	}
}

// Count returns the number of records held, in memory and in the store.
func (r *Room) Count() int {
	n := r.sums.coldRecords
	for _, f := range r.feeds {
		n += int(f.next() - f.floor)
	}
	return n
}
