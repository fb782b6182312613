package vote

import (
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// MaxWaiting is how many ballots and cancels wait for their proposals. The exchange of records
// brings again what is forgotten.
const MaxWaiting = 256

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

func (b *Book) wait(ref Ref, size int) Result {
	if slices.ContainsFunc(b.waiting, func(w waiting) bool { return w.ref == ref }) {
		return Result{Verdict: Waiting}
	}
	r := Result{Verdict: Waiting}
	if len(b.waiting) >= b.limits.waiting {
		r.Forgotten = []Ref{b.waiting[0].ref}
		b.waiting = slices.Delete(b.waiting, 0, 1)
	}
	b.waiting = append(b.waiting, waiting{ref, size})
	return r
}

// adopt takes in what waited for e. What turns out to be nobody's (off the roll, not the author's)
// is forgotten.
func (b *Book) adopt(e *entry, r *Result) {
	b.waiting = slices.DeleteFunc(b.waiting, func(w waiting) bool {
		if w.ref.Proposal != e.p.ID {
			return false
		}
		place := e.p.place(w.ref.By)
		switch {
		case w.ref.Kind == RefCancel && w.ref.By == e.p.Author:
			b.cancel(e, w.size)
		case w.ref.Kind == RefBallot && place >= 0:
			b.mark(e, place, w.ref.Choice, w.size)
			r.Twice = r.Twice || e.at(place) == Both
		default:
			r.Forgotten = append(r.Forgotten, w.ref)
			return true
		}
		r.Adopted = append(r.Adopted, w.ref)
		return true
	})
}
