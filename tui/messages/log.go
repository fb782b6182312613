package messages

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"sort"
)

const (
	maxLines = 100_000
	maxBytes = 128 << 20
	// settle is how many entries, and settleFor how many ms, a line may go up to stand where its
	// record belongs: what two people said at the same moment stands in one order everywhere.
	settle    = 64
	settleFor = 2000
)

// log is the entries as they stand, and the ids of those that are lines.
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

// key is an entry's id, shortened. Ids are hashes that nobody chooses; the ids of plain lines are
// chosen by us, and hashed here under a seed all the same.
func (g *log) key(e *entry) (uint64, bool) {
	if e.kind != said {
		return 0, false
	}
	if e.name != "" {
		return maphash.String(g.seed, e.name), true
	}
	return binary.BigEndian.Uint64(e.id[:]), e.id != [32]byte{}
}

// learn notes an entry's id and reports whether it is new.
func (g *log) learn(e *entry) bool {
	k, ok := g.key(e)
	if !ok {
		return true
	}
	if _, known := g.ids[k]; known {
		return false
	}
	g.ids[k] = struct{}{}
	return true
}

// forget lets an entry's id go.
func (g *log) forget(e *entry) {
	if k, ok := g.key(e); ok {
		delete(g.ids, k)
	}
}

// add puts an entry at the end, or a few entries above it where its record belongs, but not above
// the entry with index floor. It returns its index.
func (g *log) add(e *entry, floor int) int {
	i := len(g.entries)
	if e.placed && !e.late {
		for i > max(floor, len(g.entries)-settle) {
			o := g.entries[i-1]
			if !o.placed || o.late || o.history || e.arrived-o.arrived > settleFor || !o.comesAfter(e) {
				break
			}
			i--
		}
	}
	e.at = e.stands()
	var before *entry
	if i > 0 {
		before = g.entries[i-1]
		e.at = max(e.at, before.at)
	}
	if i < len(g.entries) {
		e.at = min(e.at, g.entries[i].at)
	}
	e.join(before)
	g.bytes += e.size()
	g.entries = slices.Insert(g.entries, i, e)
	return i
}

// merge puts a batch, sorted by byPlace, where its records belong. It returns for each the index
// that it stands before, as the log was.
func (g *log) merge(batch []*entry) []int {
	old, n := len(g.entries), len(batch)
	g.entries = slices.Grow(g.entries, n)[:old+n]
	positions := make([]int, n)
	limit := old // what is below it has not been moved yet
	for j := n - 1; j >= 0; j-- {
		e := batch[j]
		e.at = e.stands()
		pos := sort.Search(limit, func(i int) bool { return g.entries[i].at > e.at })
		for pos > 0 && g.entries[pos-1].at == e.at && g.entries[pos-1].comesAfter(e) {
			pos--
		}
		copy(g.entries[pos+j+1:limit+j+1], g.entries[pos:limit])
		g.entries[pos+j] = e
		positions[j], limit = pos, pos
		g.bytes += e.size()
	}
	for j, e := range batch {
		if i := positions[j] + j; i > 0 {
			e.join(g.entries[i-1])
		} else {
			e.join(nil)
		}
	}
	return positions
}

// take removes the entries that out names and returns them, and for each index how many were
// removed before it.
func (g *log) take(out func(*entry) bool) (taken []*entry, removed []int) {
	removed = make([]int, len(g.entries)+1)
	kept := g.entries[:0]
	for i, e := range g.entries {
		removed[i] = len(taken)
		if out(e) {
			taken = append(taken, e)
			g.bytes -= e.size()
		} else {
			kept = append(kept, e)
		}
	}
	removed[len(g.entries)] = len(taken)
	clear(g.entries[len(kept):])
	g.entries = kept
	return taken, removed
}

// excess is how many of the oldest entries are too many.
func (g *log) excess() int {
	n := 0
	if len(g.entries) > maxLines+maxLines/16 {
		n = len(g.entries) - maxLines
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

// drop forgets the n oldest entries.
func (g *log) drop(n int) {
	for _, e := range g.entries[:n] {
		g.bytes -= e.size()
		g.forget(e)
	}
	clear(g.entries[:n])
	g.entries = g.entries[n:]
}
