package vote

import (
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// Status is a proposal's word on the screen. Unlike State it depends on the reader's clock and
// dispute set, and it decides nothing.
type Status string

// The status words.
const (
	StatusOpen      Status = "open"
	StatusPassed    Status = "passed"
	StatusRejected  Status = "rejected"
	StatusExpired   Status = "expired" // undecided, and no longer prompted for
	StatusCancelled Status = "cancelled"
	StatusDisputed  Status = "disputed" // in the reader's dispute set
	StatusEnded     Status = "ended"    // an ON that a passed OFF ended
)

// View is the current state of a proposal. Its slices must not be modified.
type View struct {
	Proposal *Proposal
	Label    string // "#4" or "#4·7f"
	Tally    Tally
	Choices  []Choice // by roll place: None, Approve, Reject or Both
	Ended    bool     // an ON that a passed OFF ended
}

// View returns a proposal's current state; false if it is unknown.
func (l *Ledger) View(id ID) (View, bool) {
	e := l.entries[id]
	if e == nil {
		return View{}, false
	}
	v := View{Proposal: &e.p, Label: l.Label(id), Tally: e.tally, Choices: make([]Choice, len(e.p.Roll)),
		Ended: e.tally.State == Passed && e.endedBy != nil}
	for i := range v.Choices {
		v.Choices[i] = e.at(i)
	}
	return v, true
}

// Status returns the proposal's word at now (ms since 1970) for a reader with these disputes.
func (v *View) Status(d Disputes, now int64) Status {
	switch s := v.Tally.State; {
	case v.Ended:
		return StatusEnded
	case s == Rejected || s == Cancelled:
		return Status(s.String())
	case d.Has(v.Proposal.ID):
		return StatusDisputed
	case s == Passed:
		return StatusPassed
	case now >= v.Proposal.Closes:
		return StatusExpired
	}
	return StatusOpen
}

// State returns the proposal's state; Unknown for an unknown proposal.
func (l *Ledger) State(id ID) State {
	if e := l.entries[id]; e != nil {
		return e.tally.State
	}
	return Unknown
}

// Choice returns what is known of a voter's ballots on a proposal.
func (l *Ledger) Choice(id ID, voter identity.Key) Choice {
	if e := l.entries[id]; e != nil {
		if place := e.p.rollIndex(voter); place >= 0 {
			return e.at(place)
		}
	}
	return None
}

// Proposals returns the ids of all known proposals, by number, then id.
func (l *Ledger) Proposals() []ID {
	ids := slices.Clone(l.ids)
	l.sort(ids)
	return ids
}
