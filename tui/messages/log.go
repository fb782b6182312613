package messages

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sort"
)

const (
	maxMessages = 100_000
	maxBytes    = 128 << 20
	// A message may move up past settleEntries entries that arrived at most settleFor ms before it, to
	// where its record belongs. Messages of the same moment so stand in one order on every screen.
	settleEntries = 64
	settleFor     = 2000
)

// log holds the entries in order, and the ids of those that are messages.
type log struct {
	entries []*entry
	ids     map[uint64]struct{}
	seed    maphash.Seed
	bytes   int
}

func (g *log) init() {
	g.ids = make(map[uint64]struct{})
	g.seed = maphash.MakeSeed()
}

// shortKey returns an entry's id in 64 bits, and false if it has none. Ids are hashes that no peer can
// choose. We choose the ids of cleartext messages, and hash them here under a seed all the same.
func (g *log) shortKey(e *entry) (uint64, bool) {
	if e.kind != messageEntry {
		return 0, false
	}
	if e.cleartextID != "" {
		return maphash.String(g.seed, e.cleartextID), true
	}
	return binary.BigEndian.Uint64(e.id[:]), e.id != [32]byte{}
}

// learnID remembers an entry's id and reports whether it is new.
func (g *log) learnID(e *entry) bool {
	k, ok := g.shortKey(e)
	if !ok {
		return true
	}
	if _, known := g.ids[k]; known {
		return false
	}
	g.ids[k] = struct{}{}
	return true
}

// forgetID lets a message with this entry's id in again.
func (g *log) forgetID(e *entry) {
	if k, ok := g.shortKey(e); ok {
		delete(g.ids, k)
	}
}

// add puts an entry at the end, or a few entries above it where its record belongs, and returns its
// index. It never goes above the entry with index floor.
func (g *log) add(e *entry, floor int) int {
	i := len(g.entries)
	if e.placed && !e.late {
		for i > max(floor, len(g.entries)-settleEntries) {
			o := g.entries[i-1]
			if !o.placed || o.late || o.history || e.arrived-o.arrived > settleFor || o.comparePlace(e) <= 0 {
				break
			}
			i--
		}
	}
	e.order = e.sortTime()
	var before *entry
	if i > 0 {
		before = g.entries[i-1]
		e.order = max(e.order, before.order)
	}
	if i < len(g.entries) {
		e.order = min(e.order, g.entries[i].order)
	}
	e.joinGroup(before)
	g.bytes += e.size()
	g.entries = slices.Insert(g.entries, i, e)
	return i
}

// merge puts a batch, sorted by compareEntries, where its records belong. For each entry it returns the
// index before which it now stands, counted as the log was.
func (g *log) merge(batch []*entry) []int {
	old, n := len(g.entries), len(batch)
	g.entries = slices.Grow(g.entries, n)[:old+n]
	positions := make([]int, n)
	limit := old // entries below it have not been moved yet
	for j := n - 1; j >= 0; j-- {
		e := batch[j]
		e.order = e.sortTime()
		pos := sort.Search(limit, func(i int) bool { return g.entries[i].order > e.order })
		for pos > 0 && g.entries[pos-1].order == e.order && g.entries[pos-1].comparePlace(e) > 0 {
			pos--
		}
		copy(g.entries[pos+j+1:limit+j+1], g.entries[pos:limit])
		g.entries[pos+j] = e
		positions[j], limit = pos, pos
		g.bytes += e.size()
	}
	for j, e := range batch {
		if i := positions[j] + j; i > 0 {
			e.joinGroup(g.entries[i-1])
		} else {
			e.joinGroup(nil)
		}
	}
	return positions
}

// remove takes out the entries that out selects. It returns them, and for each index how many were
// removed before it.
func (g *log) remove(out func(*entry) bool) (taken []*entry, removed []int) {
	removed = make([]int, 0, len(g.entries)+1)
	g.entries = slices.DeleteFunc(g.entries, func(e *entry) bool {
		removed = append(removed, len(taken))
		if !out(e) {
			return false
		}
		taken = append(taken, e)
		g.bytes -= e.size()
		return true
	})
	return taken, append(removed, len(taken))
}

// excess counts the oldest entries that are too many.
func (g *log) excess() int {
	n := 0
	if len(g.entries) > maxMessages+maxMessages/16 {
		n = len(g.entries) - maxMessages
	}
	if g.bytes > maxBytes {
		left := g.bytes
		for _, e := range g.entries[:n] {
			left -= e.size()
		}
		for n < len(g.entries)-1 && left > maxBytes-maxBytes/16 {
			left -= g.entries[n].size()
			n++
		}
	}
	return n
}

// dropOldest drops the n oldest entries and their ids.
func (g *log) dropOldest(n int) {
	for _, e := range g.entries[:n] {
		g.bytes -= e.size()
		g.forgetID(e)
	}
	clear(g.entries[:n])
	g.entries = g.entries[n:]
}

// isRecent reports whether e is one of the last n entries, and not hidden by /clear, which hides all
// below floor.
func (g *log) isRecent(e *entry, n, floor int) bool {
	from := min(max(floor, len(g.entries)-n), len(g.entries))
	return slices.Contains(g.entries[from:], e)
}
