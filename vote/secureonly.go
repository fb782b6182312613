package vote

import (
	"iter"

	"chat.lan/p2pchat/crypto/identity"
)

// findEnding looks for a passed OFF that ends the ON (rule 5). Each OFF is judged on its own
// ballots: an ended ON or another OFF plays no part.
func (l *Ledger) findEnding(on *entry) {
	on.endedBy = nil
	for _, off := range l.offsOf[on.p.ID] {
		on.endBy(off)
	}
}

// endBy stores off, which names e, if it ends e and is the newest that does.
func (e *entry) endBy(off *entry) {
	if e.p.IsOn() && (e.endedBy == nil || byNumber(off, e.endedBy) > 0) && off.ends(e) {
		e.endedBy = off
	}
}

// ends reports whether e, an OFF that names on, ends it: e has passed, and a majority of on's roll
// approved e. So keys that weren't there at a decision can't undo it.
func (e *entry) ends(on *entry) bool {
	return e.tally.State == Passed && e.approvedBy(on.p.Roll) >= Majority(len(on.p.Roll))
}

// approvedBy counts the approvals of e by voters on roll. Both rolls ascend.
func (e *entry) approvedBy(roll []identity.Key) int {
	n := 0
	for place := range shared(e.p.Roll, roll) {
		if e.at(place)&Approve != 0 {
			n++
		}
	}
	return n
}

// shared returns the place on a of each key that is on both rolls.
func shared(a, b []identity.Key) iter.Seq[int] {
	return func(yield func(int) bool) {
		j := 0
		for i, k := range a {
			for j < len(b) && b[j].Compare(k) < 0 {
				j++
			}
			if j < len(b) && b[j] == k && !yield(i) {
				return
			}
		}
	}
}

// Ending is the progress of an OFF with an ON that it names.
type Ending struct {
	On    ID
	Need  int            // majority of the ON's roll
	Have  int            // approvals of the OFF by voters of the ON's roll
	Whose []identity.Key // voters on both rolls: with fewer than Need, this OFF can't end the ON
}

// Endings returns the progress of an OFF with each known ON that it names. off need not be in the
// ledger: in a preview, Have is 0 throughout.
func (l *Ledger) Endings(off *Proposal) []Ending {
	var out []Ending
	e := l.entries[off.ID]
	for _, id := range off.Ends {
		on := l.entries[id]
		if on == nil || !on.p.IsOn() {
			continue
		}
		end := Ending{On: id, Need: Majority(len(on.p.Roll))}
		for place := range shared(off.Roll, on.p.Roll) {
			end.Whose = append(end.Whose, off.Roll[place])
			if e != nil && e.at(place)&Approve != 0 {
				end.Have++
			}
		}
		out = append(out, end)
	}
	return out
}
