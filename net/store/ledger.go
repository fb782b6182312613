package store

import (
	"math"

	"chat.lan/p2pchat/crypto/record"
)

// noHole is the hole of a feed that has none.
const noHole = math.MaxUint64

// feed says which records of a feed the store holds: floor to next-1, except that records may be
// missing from hole on.
//
//	floor ──────── hole · · ─ · ─── next
//	   held        lost   read only
//
// A record that is found damaged makes a hole. The frontier then ends below the hole, so that peers
// send that record and the following ones again, until the hole is filled up to next. Records above
// the hole stay readable, but count for nothing else. So do records below a floor that StartFeedAt
// raised.
type feed struct {
	number            uint32 // the feed's number in the file
	floor, next, hole uint64
	head              record.ID // id of the record at end()-1
	time              record.Time
	arrived           int64 // ms since 1970
	name              string
	forked            bool
	queued            uint64 // number of the last operation on it
}

// end returns the seq from which on records are missing.
func (f *feed) end() uint64 { return min(f.hole, f.next) }

// addEntry counts an entry as held. An entry beyond next leaves a hole.
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

// startAt begins the feed anew at floor.
func (f *feed) startAt(floor uint64) bool {
	if floor <= f.end() || f.forked {
		return false
	}
	f.floor, f.next, f.hole = floor, max(floor, f.next), noHole
	if f.next > floor {
		f.hole = floor // there may be gaps above
	}
	f.head, f.time = record.ID{}, record.Time{}
	return true
}

// endAt ends the feed at seq, for good.
func (f *feed) endAt(seq uint64) {
	f.forked = true
	f.next = min(f.next, seq)
	f.floor = min(f.floor, f.next)
	if f.hole >= f.next {
		f.hole = noHole
	}
}

// headAfterCut returns the id of a feed's last record after endAt(seq). here is that of the last record in the store, and
// before that of the record below seq. A feed that began at seq has no record below, but the fork names it.
func (f *feed) headAfterCut(seq uint64, here, before record.ID) record.ID {
	if here == (record.ID{}) && f.end() == seq {
		return before
	}
	return here
}

// loseRecord notes that the record at seq can't be read. before is the id of its predecessor.
func (f *feed) loseRecord(seq uint64, before record.ID) {
	if seq < f.floor || seq >= f.end() {
		return // not part of the frontier
	}
	f.hole, f.head, f.time = seq, before, record.Time{}
	if seq == f.floor {
		f.head = record.ID{}
	}
}

// ledger holds all feeds of a room. The lock of its store guards it.
type ledger struct {
	feeds map[record.FeedKey]*feed
	cold  map[BlockKey]*coldBlock // feeds that aren't in feeds (cold.go)
	last  uint32                  // the greatest number in use
	sizes *sizes
}

func newLedger() *ledger { return &ledger{feeds: map[record.FeedKey]*feed{}, sizes: newSizes()} }

// findOrAdd returns the feed, and adds one that begins at floor if it is new.
func (l *ledger) findOrAdd(key record.FeedKey, floor uint64) *feed {
	f := l.feeds[key]
	if f == nil {
		l.last++
		f = &feed{number: l.last, floor: floor, next: floor, hole: noHole}
		l.feeds[key] = f
		l.sizes.addFeed(key)
	}
	return f
}

// wants reports whether the store lacks an entry and its feed goes on with it. It returns ErrGap if
// predecessors are missing, or if the feed is cold.
func (l *ledger) wants(e *Entry) (bool, error) {
	f, seq := l.feeds[e.Record.FeedKey()], e.Record.Seq()
	if _, cold := l.coldNumber(e.Record.FeedKey()); f == nil && cold {
		return false, ErrGap
	}
	switch {
	case f == nil:
		return true, nil
	case f.forked && seq >= f.next:
		return false, nil
	case seq == f.end() || seq == f.next:
		return true, nil
	case seq < f.next:
		return false, nil
	}
	return false, ErrGap
}

// add counts an entry as held. A forked feed takes none from its end on.
func (l *ledger) add(e *Entry) {
	if f := l.findOrAdd(e.Record.FeedKey(), e.Record.Seq()); !f.forked || e.Record.Seq() < f.next {
		f.addEntry(e)
	}
}

// isVisible reports whether readers may see the record at key, which waits for the disk. Records behind
// the end of a forked feed stay for a moment.
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

// export returns the state of a feed as a store's callers see it.
func (f *feed) export(key record.FeedKey) Feed {
	return Feed{Key: key, Floor: f.floor, Next: f.end(), Head: f.head, Time: f.time, Name: f.name, Forked: f.forked}
}
