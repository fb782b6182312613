package store

import (
	"math"
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// none is a feed's hole when it has none.
const noHole = math.MaxUint64

// feed is what is held of a feed, in memory and on disk: floor to next-1, all of it but what is
// missing from hole on.
//
//	floor ──────── hole · · ─ · ─── next
//	   held        lost   read only
//
// A hole is made by a record that was found damaged. The frontier then ends below it, so that peers
// send it and what follows again, and what they send fills it up to next. What lies below floor
// (Raise) or above the hole is readable and of no account otherwise.
type feed struct {
	number            uint32 // in the file
	floor, next, hole uint64
	head              record.ID // of end()-1
	time              record.Time
	arrived           int64 // ms since 1970
	name              string
	forked            bool
}

// end is the seq from which on records are missing.
func (f *feed) end() uint64 { return min(f.hole, f.next) }

// admits reports whether a record with seq is wanted; known that it is here, or of a dead feed.
func (f *feed) accepts(seq uint64) (wanted, known bool) {
	if f.forked {
		return false, true
	}
	return seq == f.end() || seq == f.next, seq < f.next
}

// take counts an entry in. One beyond next leaves a hole.
func (f *feed) addEntry(e *Entry) {
	seq := e.Record.Seq()
	if seq > f.next {
		f.hole = min(f.hole, f.next)
	}
	if seq == f.end() {
		f.head, f.time = e.Record.ID(), e.Record.Time()
		if e.Name != "" {
			f.name = e.Name
		}
		if f.hole != noHole {
			f.hole++
		}
	}
	f.next = max(f.next, seq+1)
	if f.hole >= f.next {
		f.hole = noHole
	}
	f.arrived = max(f.arrived, e.Arrived.UnixMilli())
}

// raise begins the feed anew at floor.
func (f *feed) startAt(floor uint64) bool {
	if floor <= f.end() || f.forked {
		return false
	}
	f.floor, f.next, f.hole = floor, max(floor, f.next), noHole
	if f.next > floor {
		f.hole = floor // what is above is not known to be whole
	}
	f.head, f.time = record.ID{}, record.Time{}
	return true
}

// cut ends the feed at seq for good.
func (f *feed) endAt(seq uint64) {
	f.forked = true
	f.next = min(f.next, seq)
	f.floor = min(f.floor, f.next)
	if f.hole >= f.next {
		f.hole = noHole
	}
}

// lose notes that the record at seq can't be read. before is the id of the one before it.
func (f *feed) loseRecord(seq uint64, before record.ID) {
	if seq < f.floor || seq >= f.end() {
		return // of no account
	}
	f.hole, f.head, f.time = seq, before, record.Time{}
	if seq == f.floor {
		f.head = record.ID{}
	}
}

func (f *feed) export(key record.FeedKey) Feed {
	return Feed{
		Key: key, Floor: f.floor, Next: f.end(), Head: f.head, Time: f.time,
		Arrived: time.UnixMilli(f.arrived), Name: f.name, Forked: f.forked,
	}
}

// ledger is all feeds of a room, guarded by its store's lock.
type ledger struct {
	feeds map[record.FeedKey]*feed
	last  uint32 // the greatest number given
}

func newLedger() *ledger { return &ledger{feeds: map[record.FeedKey]*feed{}} }

// feed returns the feed, which begins at floor if it is new.
func (l *ledger) findOrAdd(key record.FeedKey, floor uint64) *feed {
	f := l.feeds[key]
	if f == nil {
		l.last++
		f = &feed{number: l.last, floor: floor, next: floor, hole: noHole}
		l.feeds[key] = f
	}
	return f
}

// put adds a feed that has its number.
func (l *ledger) addNumbered(key record.FeedKey, f *feed) {
	l.feeds[key] = f
	l.last = max(l.last, f.number)
}

// admit decides about an entry and counts it in. known: there is nothing to do.
func (l *ledger) addIfNext(e *Entry) (known bool, err error) {
	key := e.Record.FeedKey()
	f := l.findOrAdd(key, e.Record.Seq())
	wanted, known := f.accepts(e.Record.Seq())
	switch {
	case wanted:
		f.addEntry(e)
		return false, nil
	case known:
		return true, nil
	}
	return false, ErrGap
}

// shows reports whether the record at key is to be seen: it may lie on disk for a moment after a Cut.
func (l *ledger) isVisible(key OrderKey) bool {
	f := l.feeds[key.feed()]
	return f != nil && key.Seq < f.next
}

func (l *ledger) frontier() []Feed {
	out := make([]Feed, 0, len(l.feeds))
	for key, f := range l.feeds {
		out = append(out, f.export(key))
	}
	return out
}
