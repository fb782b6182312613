package vote

import (
	"cmp"
	"slices"
)

// Disputes is a client's dispute set (rule 6): the proposals that don't count for it. It is part of
// the profile and belongs to the caller. A nil set is empty.
type Disputes map[ID]struct{}

// Has reports whether id is in the set.
func (d Disputes) Has(id ID) bool { _, is := d[id]; return is }

// Policy is what holds for one client: a function of the records and its dispute set, so two clients
// with the same records and equal sets have equal policies.
type Policy struct {
	SecureOnly bool
	By         ID   // the newest standing ON, or the newest OFF that ended a counted one; zero if neither
	Standing   []ID // the counted, passed ONs that no OFF ended, by number, then id
	Topic      string
	TopicBy    ID // zero if there is none
}

// Policy is what the records and the dispute set say (rules 5 to 7).
func (l *Ledger) Policy(d Disputes) Policy {
	var p Policy
	var off *entry
	for id, e := range l.ons {
		switch {
		case d.Has(id):
		case e.endedBy == nil:
			p.Standing = append(p.Standing, id)
		case off == nil || byNumber(e.endedBy, off) > 0:
			off = e.endedBy
		}
	}
	l.sort(p.Standing)
	if n := len(p.Standing); n > 0 {
		p.SecureOnly, p.By = true, p.Standing[n-1]
	} else if off != nil {
		p.By = off.p.ID
	}
	for _, t := range l.deepest() {
		if !d.Has(t.e.p.ID) {
			p.Topic, p.TopicBy = t.e.p.Action, t.e.p.ID
			break
		}
	}
	return p
}

// deep is a passed topic and how many it stands on, itself included.
type deep struct {
	e     *entry
	depth int
}

// deepest is the passed topics, the deepest first, of equals the lower id first.
func (l *Ledger) deepest() []deep {
	if l.depths != nil {
		return l.depths
	}
	depth := make(map[ID]int, len(l.topics))
	l.depths = make([]deep, 0, len(l.topics))
	for _, e := range l.topics {
		l.depths = append(l.depths, deep{e, l.measure(e, depth)})
	}
	slices.SortFunc(l.depths, func(x, y deep) int {
		return cmp.Or(cmp.Compare(y.depth, x.depth), x.e.p.ID.Compare(y.e.p.ID))
	})
	return l.depths
}

// measure is e's depth. Down the bases to one that is measured or has not passed, then up again: no
// recursion, for a chain can be as long as the room is large. Ids are hashes, so bases can't go in a
// circle; the mark 0 on the way down ends it if they do.
func (l *Ledger) measure(e *entry, depth map[ID]int) int {
	var way []ID
	for at := e; at != nil; at = l.topics[at.p.Base] {
		if _, met := depth[at.p.ID]; met {
			break
		}
		depth[at.p.ID] = 0
		way = append(way, at.p.ID)
	}
	for _, id := range slices.Backward(way) {
		depth[id] = 1 + depth[l.entries[id].p.Base]
	}
	return depth[e.p.ID]
}

// TopicBase is what a new topic is made on: the deepest passed one, disputed or not, so that once
// it has passed it is the deepest for everybody; zero if there is none.
func (l *Ledger) TopicBase() ID {
	if t := l.deepest(); len(t) > 0 {
		return t[0].e.p.ID
	}
	return ID{}
}

// UnendedONs is the ONs that a new OFF has to name: the passed ones that no OFF has ended, those that the
// dispute set leaves out too, since others may count them. If there are more than MaxEnds, those
// that count here come first. Ascending.
func (l *Ledger) UnendedONs(d Disputes) []ID {
	var ids []ID
	for id, e := range l.ons {
		if e.endedBy == nil {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(x, y ID) int {
		if d.Has(x) != d.Has(y) {
			if d.Has(x) {
				return 1
			}
			return -1
		}
		return x.Compare(y)
	})
	ids = ids[:min(len(ids), MaxEnds)]
	slices.SortFunc(ids, ID.Compare)
	return ids
}

// sort orders ids of the book by number, then id.
func (l *Ledger) sort(ids []ID) {
	slices.SortFunc(ids, func(x, y ID) int { return byNumber(l.entries[x], l.entries[y]) })
}

func byNumber(x, y *entry) int {
	return cmp.Or(cmp.Compare(x.p.Number, y.p.Number), x.p.ID.Compare(y.p.ID))
}
