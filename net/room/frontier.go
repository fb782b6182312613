package room

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Holding says what is held of a feed: Floor to Seq without a gap, and the head of the id at Seq (zero:
// not known). Floor is Seq+1 where all of it is gone, or kept back.
type Holding struct {
	Key   record.FeedKey
	Floor uint64
	Seq   uint64
	Head  uint64
}

// Frontier lists what is known, sorted by author and feed. A forked feed ends below the fork.
func (r *Room) Frontier() []Holding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.frontier()
}

func (r *Room) frontier() []Holding {
	out := make([]Holding, 0, len(r.feeds))
	for key, f := range r.feeds {
		if f.next() > 0 {
			out = append(out, Holding{Key: key, Floor: f.base, Seq: f.next() - 1, Head: f.head.Head()})
		}
	}
	slices.SortFunc(out, func(a, b Holding) int { return compareKeys(a.Key, b.Key) })
	return out
}

func compareKeys(a, b record.FeedKey) int {
	return cmp.Or(a.Author.Compare(b.Author), cmp.Compare(a.Feed, b.Feed))
}

// Hash is 16 hex digits over the frontier without its floors: equal where two hold the same ends.
func (r *Room) Hash() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hash != "" && r.hashed == r.version {
		return r.hash
	}
	h := sha256.New()
	var line [24]byte
	for _, x := range r.frontier() {
		h.Write(x.Key.Author.Bytes())
		binary.BigEndian.PutUint64(line[0:], uint64(x.Key.Feed))
		binary.BigEndian.PutUint64(line[8:], x.Seq)
		binary.BigEndian.PutUint64(line[16:], x.Head)
		h.Write(line[:])
	}
	r.hash, r.hashed = hex.EncodeToString(h.Sum(nil)[:8]), r.version
	return r.hash
}

// Missing is what the holder of theirs has and this room lacks, in theirs' order.
func (r *Room) Missing(theirs []Holding) []Gap {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Gap
	for _, h := range theirs {
		from, end := h.Floor, h.Seq+1
		if f := r.feeds[h.Key]; f != nil {
			if f.full {
				continue
			}
			if f.fork != nil {
				end = min(end, f.fork.Seq)
			}
			from = max(from, f.next())
		}
		if from < end {
			out = append(out, Gap{Key: h.Key, From: from, To: end - 1})
		}
	}
	return out
}

// Cut reports whether theirs lacks the beginning of a feed that is not known here at all: it is gone
// there, or kept back.
func (r *Room) HasTruncatedFeeds(theirs []Holding) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(theirs, func(h Holding) bool {
		f := r.feeds[h.Key]
		return h.Floor > 1 && (f == nil || f.next() == 0) // one that only has records waiting is new, too
	})
}

// Range is the part of a gap that is in memory, in feed order, if its beginning is: at most max bytes
// of bodies, but at least one record if there is any. more reports whether the rest is held as well;
// with no records, that the beginning is in the store.
func (r *Room) RangeInMemory(g Gap, maxBytes int) (records []*record.Record, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[g.Key]
	if f == nil {
		return nil, false
	}
	from := max(g.From, f.base)
	if from > g.To || from >= f.next() {
		return nil, false
	}
	if from < f.floor {
		return nil, true
	}
	size := 0
	for seq := from; seq <= g.To; seq++ {
		rec := f.at(seq)
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

// End is the seq of the last record that is held of a feed; false when there is none.
func (r *Room) LastSeq(key record.FeedKey) (seq uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[key]
	if f == nil || !f.held() {
		return 0, false
	}
	return f.next() - 1, true
}

// gapFor is how long a gap in a feed of which something is held may stay before what lies in it is given
// up: who has it may only be away.
const gapFor = 10 * time.Minute

// Raise has a feed begin at floor, where its copy begins for everybody who was asked, when this room's
// copy ends below it: what lies between can't be had. The record at floor has to wait here already, so
// that nobody can end another's feed by claiming a floor where there is none; and what is given up for
// good isn't given up lightly: where something is held already, on its author's word, from, or after a
// while.
func (r *Room) StartFeedAt(from identity.Key, key record.FeedKey, floor uint64) Outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[key]
	if f == nil || f.full || f.fork != nil && f.fork.Seq <= floor || floor <= f.next() || key == r.own || f.ahead[floor] == nil {
		return Outcome{}
	}
	if f.held() && from != key.Author && r.clock.now().Sub(f.gap) < gapFor {
		return Outcome{}
	}
	for seq := range f.ahead {
		if seq < floor {
			r.unwait(f, seq)
		}
	}
	r.bytes -= f.bytes
	f.raise(floor)
	return Outcome{Added: r.extend(key, f, r.take(f))}
}

// reaches reports whether the beginning of a gap has been filled, or can't be.
func (r *Room) reaches(g Gap) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[g.Key]
	return f != nil && (f.fork != nil && f.fork.Seq <= g.From || f.full || f.next() > g.From)
}
