package vote

import (
	"chat.lan/p2pchat/crypto/identity"
)

// recheck settles whether a passed OFF ends the ON (rule 5). It is never walked from OFF to ON and
// on: each OFF is judged on its own by the ballots it has.
func (l *Ledger) recheck(on *entry) {
	on.endedBy = nil
	for _, off := range l.offsOf[on.p.ID] {
		on.endBy(off)
	}
}

// endBy notes off, which names e, if it ends it and is the newest that does.
func (e *entry) endBy(off *entry) {
	if e.p.IsOn() && (e.endedBy == nil || byNumber(off, e.endedBy) > 0) && off.ends(e) {
		e.endedBy = off
	}
}

// ends reports whether e, an OFF that names on, ends it: it passed, and a majority of on's roll is
// among those who approved it. So keys that weren't there when it was decided can't undo it.
func (e *entry) ends(on *entry) bool {
	return e.tally.State == Passed && e.approvedBy(on.p.Roll) >= Majority(len(on.p.Roll))
}

// approvedBy is how many of those who approved e are on roll. Both rolls ascend.
func (e *entry) approvedBy(roll []identity.Key) int {
	n := 0
	shared(e.p.Roll, roll, func(place int) {
		if e.at(place)&Approve != 0 {
			n++
		}
	})
	return n
}

// shared calls f with the place on a of each key that is on both rolls.
func shared(a, b []identity.Key, f func(place int)) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch c := a[i].Compare(b[j]); {
		case c < 0:
			i++
		case c > 0:
			j++
		default:
			f(i)
			i, j = i+1, j+1
		}
	}
}

// Ending is how far an OFF has come with one of the ONs that it names.
type Ending struct {
	On    ID
	Need  int            // majority of the ON's roll
	Have  int            // approvals of the OFF by voters of the ON's roll
	Whose []identity.Key // who is on both rolls: fewer than Need, and this OFF can't end it
}

// Endings is how far an OFF has come with each ON that it names and that is known. off need not be
// in the book: for the preview, Have is then 0 throughout.
func (l *Ledger) Endings(off *Proposal) []Ending {
	var out []Ending
	e := l.entries[off.ID]
	for _, id := range off.Ends {
		on := l.entries[id]
		if on == nil || !on.p.IsOn() {
			continue
		}
		end := Ending{On: id, Need: Majority(len(on.p.Roll))}
		shared(off.Roll, on.p.Roll, func(place int) {
			end.Whose = append(end.Whose, off.Roll[place])
			if e != nil && e.at(place)&Approve != 0 {
				end.Have++
			}
		})
		out = append(out, end)
	}
	return out
}
