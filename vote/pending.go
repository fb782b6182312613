package vote

import (
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// MaxPending bounds the ballots and cancels that wait for their proposals. Sync brings discarded
// ones again.
const MaxPending = 256

// RefKind says what a Ref refers to.
type RefKind uint8

// The kinds of vote record.
const (
	RefProposal RefKind = iota
	RefBallot
	RefCancel
)

// Ref names a vote record by its content. A proposal has at most one ballot of each voter and
// choice, and at most one cancel that counts. So a caller can store a record's signed bytes under
// its Ref.
type Ref struct {
	Kind     RefKind
	Proposal ID
	By       identity.Key // the signer of a ballot or cancel; zero for a proposal
	Choice   Choice       // a ballot's choice
}

// Ref returns the proposal's name.
func (p *Proposal) Ref() Ref { return Ref{Kind: RefProposal, Proposal: p.ID} }

// Ref returns the ballot's name.
func (b Ballot) Ref() Ref { return Ref{RefBallot, b.Proposal, b.Voter, b.Choice} }

// Ref returns the cancel's name.
func (c Cancel) Ref() Ref { return Ref{RefCancel, c.Proposal, c.By, None} }

type pendingRecord struct {
	ref  Ref
	size int
}

func (l *Ledger) addPending(ref Ref, size int) Result {
	r := Result{Verdict: Pending}
	if slices.ContainsFunc(l.pending, func(w pendingRecord) bool { return w.ref == ref }) {
		return r
	}
	if len(l.pending) >= l.limits.pending {
		r.Discarded = []Ref{l.pending[0].ref}
		l.pending = slices.Delete(l.pending, 0, 1)
	}
	l.pending = append(l.pending, pendingRecord{ref, size})
	return r
}

// adoptPending adds the pending records about e. It discards ballots of voters off the roll and
// cancels of other authors.
func (l *Ledger) adoptPending(e *entry, r *Result) {
	l.pending = slices.DeleteFunc(l.pending, func(w pendingRecord) bool {
		if w.ref.Proposal != e.p.ID {
			return false
		}
		place := e.p.rollIndex(w.ref.By)
		switch {
		case w.ref.Kind == RefCancel && w.ref.By == e.p.Author:
			l.addCancel(e, w.size)
		case w.ref.Kind == RefBallot && place >= 0:
			l.addBallot(e, place, w.ref.Choice, w.size)
			r.Equivocated = r.Equivocated || e.at(place) == Both
		default:
			r.Discarded = append(r.Discarded, w.ref)
			return true
		}
		r.Adopted = append(r.Adopted, w.ref)
		return true
	})
}
