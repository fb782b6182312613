package room

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Holding says what a peer holds of a feed: Floor to Seq without a gap. Head is the beginning of the id of the
// record at Seq, and Tail are the 8 bytes behind it; zero if unknown. Floor is Seq+1 where the peer deleted or
// withholds all records.
type Holding struct {
	Key   record.FeedKey
	Floor uint64
	Seq   uint64
	Head  uint64
	Tail  uint64
}

func feedKey(author identity.Key, feed record.Feed) record.FeedKey {
	return record.FeedKey{Author: author, Feed: feed}
}

// holding returns what the room holds of a feed.
func (f *feed) holding(key record.FeedKey) Holding {
	return Holding{Key: key, Floor: f.floor, Seq: f.next() - 1, Head: f.head.Head(), Tail: headTail(f.head)}
}

// HoldingOf returns what the room holds of a feed; false for a feed that is unknown or only waits.
func (r *Room) HoldingOf(key record.FeedKey) (Holding, bool) {
	f := r.feeds[key]
	if f == nil || f.next() == 0 {
		return Holding{}, false
	}
	return f.holding(key), true
}

// Frontier lists what this room holds, sorted by author and feed. A forked feed ends below the fork. Feeds of cold
// blocks are left out.
func (r *Room) Frontier() []Holding {
	out := make([]Holding, 0, len(r.feeds))
	for key, f := range r.feeds {
		if f.next() > 0 {
			out = append(out, f.holding(key))
		}
	}
	slices.SortFunc(out, func(a, b Holding) int { return a.Key.Compare(b.Key) })
	return out
}

// Hash returns 16 hex digits over the ends of all feeds, whatever their floors (see the package comment); "" if some
// are cold.
func (r *Room) Hash() string {
	if r.HasCold() {
		return ""
	}
	if r.hash != "" {
		return r.hash
	}
	r.hash = hashOf(r.Frontier())
	return r.hash
}

// hashOf returns the hash over the ends of feeds, which are sorted.
func hashOf(ends []Holding) string {
	h := sha256.New()
	var line [24]byte
	for _, x := range ends {
		h.Write(x.Key.Author.Bytes())
		binary.BigEndian.PutUint64(line[0:], uint64(x.Key.Feed))
		binary.BigEndian.PutUint64(line[8:], x.Seq)
		binary.BigEndian.PutUint64(line[16:], x.Head)
		h.Write(line[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Missing lists the records that a peer holds and this room lacks. Gaps come in the order of the peer's holdings.
func (r *Room) Missing(theirs []Holding) []Gap {
	var out []Gap
	for _, h := range theirs {
		if g, any := r.gapBehind(h); any {
			out = append(out, g)
		}
	}
	return out
}

// gapBehind returns what a peer holds of a feed and this room lacks, if there is any.
func (r *Room) gapBehind(theirs Holding) (g Gap, any bool) {
	from, end := theirs.Floor, theirs.Seq+1
	if f := r.feeds[theirs.Key]; f != nil {
		if f.fork != nil {
			end = min(end, f.fork.Seq)
		}
		from = max(from, f.next())
	} else if r.isColdFeed(theirs.Key) {
		return g, false
	}
	return Gap{Key: theirs.Key, From: from, To: end - 1}, from < end
}

// lacks reports whether a peer holds records of a feed that this room lacks.
func (r *Room) lacks(theirs Holding) bool {
	_, any := r.gapBehind(theirs)
	return any
}

// HasTruncatedFeeds reports whether a peer deleted or withholds the beginning of a feed that is new to this room.
func (r *Room) HasTruncatedFeeds(theirs []Holding) bool {
	return slices.ContainsFunc(theirs, func(h Holding) bool {
		f := r.feeds[h.Key]
		// A feed of which only records wait is new, too.
		return h.Floor > 1 && (f == nil || f.next() == 0) && !r.isColdFeed(h.Key)
	})
}

// RangeInMemory returns the part of a gap that is in memory, in feed order, if the gap's beginning is. It returns
// at most maxBytes of bodies, but at least one record if there is any. more reports whether the room holds the rest
// as well. No records but more means that the store has the beginning.
func (r *Room) RangeInMemory(g Gap, maxBytes int) (records []*record.Record, more bool) {
	f := r.feeds[g.Key]
	if f == nil {
		return nil, r.isColdFeed(g.Key)
	}
	from := max(g.From, f.floor)
	if from > g.To || from >= f.next() {
		return nil, false
	}
	if from < f.memFloor {
		return nil, true
	}
	size := 0
	for seq := from; seq <= g.To; seq++ {
		rec := f.recordAt(seq)
		if rec == nil {
			return records, false
		}
		if size += len(rec.Signed()); size > maxBytes && len(records) > 0 {
			return records, true
		}
		records = append(records, rec)
	}
	return records, false
}

// LastSeq returns the seq of the last record of a feed; false when the room holds none.
func (r *Room) LastSeq(key record.FeedKey) (seq uint64, ok bool) {
	f := r.feeds[key]
	if f == nil || !f.holdsAny() {
		return 0, false
	}
	return f.next() - 1, true
}

// End returns what this room holds of a feed, if it knows the id of the last record.
func (r *Room) End(key record.FeedKey) (end Holding, ok bool) {
	f := r.feeds[key]
	if f == nil || f.next() == 0 || !f.knowsHead() {
		return Holding{}, false
	}
	return Holding{Key: key, Floor: f.floor, Seq: f.next() - 1, Head: f.head.Head()}, true
}

// gapTimeout is how long a room waits for the records of a gap: the peers that have them may only be away.
const gapTimeout = 10 * time.Minute

// StartFeedAt moves the end of a feed up to floor, where the copies of all asked peers begin, and gives up the records
// in between. The record at floor must wait here already, so that no claim of a high floor ends a feed. Where records
// are held, only the author may ask for it, or any peer once the gap is older than gapTimeout.
func (r *Room) StartFeedAt(from identity.Key, key record.FeedKey, floor uint64) Outcome {
	f := r.feeds[key]
	if f == nil || f.fork != nil && f.fork.Seq <= floor || floor <= f.next() || key == r.ownFeed || f.waiting[floor] == nil {
		return Outcome{}
	}
	if f.holdsAny() && from != key.Author && r.clock.now().Sub(f.waitingSince) < gapTimeout {
		return Outcome{}
	}
	r.dropWaiting(f, 0, floor)
	r.memBytes -= f.memBytes
	f.endBefore(floor, record.ID{})
	f.floor = floor
	r.noteChanged(key, f)
	return Outcome{Added: r.extend(key, f, r.takeWaiting(f, floor))}
}

// isFilledOrEnded reports whether a gap's beginning is filled, or can't be any more.
func (r *Room) isFilledOrEnded(g Gap) bool {
	f := r.feeds[g.Key]
	return r.isColdFeed(g.Key) || f != nil && (f.fork != nil && f.fork.Seq <= g.From || f.next() > g.From)
}
