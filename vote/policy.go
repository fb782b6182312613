package vote

import (
	"cmp"
	"slices"
)

// Disputes is a client's dispute set (rule 6): the proposals that don't count for it. The caller
// owns and saves the set. A nil set is empty.
type Disputes map[ID]struct{}

// Has reports whether id is in the set.
func (d Disputes) Has(id ID) bool { _, is := d[id]; return is }

// Policy is what the room has decided, as one client sees it: a function of the records and of its
// dispute set. Two clients with equal records and equal sets have equal policies.
type Policy struct {
	SecureOnly bool
	By         ID   // the newest standing ON, or the newest OFF that ended a counted one; zero if neither
	Standing   []ID // the counted, passed ONs that no OFF ended, by number, then id
	Topic      string
	TopicBy    ID // zero if there is none
}

// Policy returns what the records and the dispute set give (rules 5 to 7).
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
	for _, t := range l.topicsByDepth() {
		if !d.Has(t.e.p.ID) {
			p.Topic, p.TopicBy = t.e.p.Action, t.e.p.ID
			break
		}
	}
	return p
}

// rankedTopic is a passed topic and its depth (rule 7).
type rankedTopic struct {
	e     *entry
	depth int
}

// topicsByDepth returns the passed topics, the deepest first, of equals the lower id first.
func (l *Ledger) topicsByDepth() []rankedTopic {
	if l.depths != nil {
		return l.depths
	}
	depth := make(map[ID]int, len(l.topics))
	l.depths = make([]rankedTopic, 0, len(l.topics))
	for _, e := range l.topics {
		l.depths = append(l.depths, rankedTopic{e, l.topicDepth(e, depth)})
	}
	slices.SortFunc(l.depths, func(x, y rankedTopic) int {
		return cmp.Or(cmp.Compare(y.depth, x.depth), x.e.p.ID.Compare(y.e.p.ID))
	})
	return l.depths
}

// topicDepth returns e's depth. It walks down the bases to one that is measured or has not passed,
// then up again. Recursion would go as deep as the room is large.
//
// Ids are hashes, so bases can't form a circle; the 0 that is noted on the way down would end one.
func (l *Ledger) topicDepth(e *entry, depth map[ID]int) int {
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

// TopicBase returns the base for a new topic: the deepest passed topic, disputed or not. So the new
// topic is the deepest for everyone once it has passed. It returns zero if no topic has passed.
func (l *Ledger) TopicBase() ID {
	if t := l.topicsByDepth(); len(t) > 0 {
		return t[0].e.p.ID
	}
	return ID{}
}

// UnendedONs returns the ONs that a new OFF must name, ascending: those passed ones that no OFF has
// ended. Disputed ONs are among them, since others may count them. If there are more than MaxEnds,
// those that count here take precedence.
func (l *Ledger) UnendedONs(d Disputes) []ID {
	var counted, disputed []ID
	for _, id := range l.ids {
		switch e := l.ons[id]; {
		case e == nil || e.endedBy != nil:
		case d.Has(id):
			disputed = append(disputed, id)
		default:
			counted = append(counted, id)
		}
	}
	ids := append(counted, disputed...)
	ids = ids[:min(len(ids), MaxEnds)]
	slices.SortFunc(ids, ID.Compare)
	return ids
}

// sort orders ids of the ledger by number, then id.
func (l *Ledger) sort(ids []ID) {
	slices.SortFunc(ids, func(x, y ID) int { return byNumber(l.entries[x], l.entries[y]) })
}

func byNumber(x, y *entry) int {
	return cmp.Or(cmp.Compare(x.p.Number, y.p.Number), x.p.ID.Compare(y.p.ID))
}
