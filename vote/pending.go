package vote

import (
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// MaxPending is how many ballots and cancels wait for their proposals. The exchange of records
// brings again what is forgotten.
const MaxPending = 256

// RefKind says what a Ref refers to.
type RefKind uint8

// The kinds of vote record.
const (
	RefProposal RefKind = iota
	RefBallot
	RefCancel
)

// Ref names one vote record by what it says. There is at most one ballot per proposal, voter and
// choice, and at most one cancel that counts per proposal, so a Ref can be the key under which a
// caller keeps a record's signed bytes.
type Ref struct {
	Kind     RefKind
	Proposal ID
	By       identity.Key // who signed a ballot or cancel; zero for a proposal
	Choice   Choice       // of a ballot
}

// Ref names the proposal.
func (p *Proposal) Ref() Ref { return Ref{Kind: RefProposal, Proposal: p.ID} }

// Ref names the ballot.
func (b Ballot) Ref() Ref { return Ref{RefBallot, b.Proposal, b.Voter, b.Choice} }

// Ref names the cancel.
func (c Cancel) Ref() Ref { return Ref{RefCancel, c.Proposal, c.By, None} }

type waiting struct {
	ref  Ref
	size int
}

func (l *Ledger) wait(ref Ref, size int) Result {
	if slices.ContainsFunc(l.waiting, func(w waiting) bool { return w.ref == ref }) {
		return Result{Verdict: Pending}
	}
	r := Result{Verdict: Pending}
	if len(l.waiting) >= l.limits.waiting {
		r.Discarded = []Ref{l.waiting[0].ref}
		l.waiting = slices.Delete(l.waiting, 0, 1)
	}
	l.waiting = append(l.waiting, waiting{ref, size})
	return r
}

// adopt takes in what waited for e. What turns out to be nobody's (off the roll, not the author's)
// is forgotten.
func (l *Ledger) adopt(e *entry, r *Result) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w waiting) bool {
		if w.ref.Proposal != e.p.ID {
			return false
		}
		place := e.p.place(w.ref.By)
		switch {
		case w.ref.Kind == RefCancel && w.ref.By == e.p.Author:
			l.cancel(e, w.size)
		case w.ref.Kind == RefBallot && place >= 0:
			l.mark(e, place, w.ref.Choice, w.size)
			r.Equivocated = r.Equivocated || e.at(place) == Both
		default:
			r.Discarded = append(r.Discarded, w.ref)
			return true
		}
		r.Adopted = append(r.Adopted, w.ref)
		return true
	})
}
