package vote

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
)

// ErrCertificate is wrapped by the errors of Certificate.Check, except those about the proposal itself,
// which wrap ErrInvalid.
var ErrCertificate = errors.New("certificate does not show that the proposal passed")

// Certificate proves to a stranger that a proposal passed: the proposal and at least M approving
// ballots. The caller verifies the signed records of the file, makes a Certificate of them and
// calls Check.
//
// That an OFF passed doesn't show that it ended an ON: for that its ballots must hold a majority of
// the ON's roll too, see ApprovedBy.
type Certificate struct {
	Proposal Proposal
	Ballots  []Ballot // all approve it, voters strictly ascending
}

// Certificate returns the certificate of a passed proposal, with every approval that is known. It
// returns false if the proposal has not passed.
func (l *Ledger) Certificate(id ID) (Certificate, bool) {
	e := l.entries[id]
	if e == nil || e.tally.State != Passed {
		return Certificate{}, false
	}
	c := Certificate{Proposal: e.p}
	for i, k := range e.p.Roll {
		if e.at(i)&Approve != 0 {
			c.Ballots = append(c.Ballots, Ballot{Proposal: id, Voter: k, Choice: Approve})
		}
	}
	return c, true
}

// Check returns the first flaw. That is an invalid proposal, a ballot for another proposal, a
// reject, a voter that is off the roll, repeated or out of order, or fewer ballots than M.
func (c *Certificate) Check() error {
	if err := Validate(&c.Proposal); err != nil {
		return err
	}
	var last identity.Key
	for i, v := range c.Ballots {
		switch {
		case v.Proposal != c.Proposal.ID:
			return fmt.Errorf("%w: ballot %d is for another proposal", ErrCertificate, i+1)
		case v.Choice != Approve:
			return fmt.Errorf("%w: ballot %d says %v", ErrCertificate, i+1, v.Choice)
		case !c.Proposal.OnRoll(v.Voter):
			return fmt.Errorf("%w: ballot %d: %s is not on the roll", ErrCertificate, i+1, v.Voter.Short())
		case v.Voter.Compare(last) <= 0:
			return fmt.Errorf("%w: ballot %d: voters are not strictly ascending", ErrCertificate, i+1)
		}
		last = v.Voter
	}
	if len(c.Ballots) < c.Proposal.Need {
		return fmt.Errorf("%w: %d of %d approvals", ErrCertificate, len(c.Ballots), c.Proposal.Need)
	}
	return nil
}

// ApprovedBy counts the approvals of c, which passed Check, by voters on the roll of p.
func (c *Certificate) ApprovedBy(p *Proposal) int {
	n := 0
	for _, v := range c.Ballots {
		if p.OnRoll(v.Voter) {
			n++
		}
	}
	return n
}

// AddCertificate adds a certificate of verified records as a whole, so that the proposal can't be
// dropped as undecided while its ballots are added. The result lists new records as Adopted. Its
// errors are those of Check, and ErrFull.
func (l *Ledger) AddCertificate(c Certificate) (Result, error) {
	var r Result
	if err := c.Check(); err != nil {
		return r, err
	}
	e := l.entries[c.Proposal.ID]
	if e != nil {
		r.Was = e.tally.State
	} else {
		if l.bytes-l.droppable+c.size() > l.limits.room {
			return r, ErrFull
		}
		e = l.insert(c.Proposal)
		r.Adopted = append(r.Adopted, e.p.Ref())
		l.adoptPending(e, &r)
	}
	for _, v := range c.Ballots {
		place := e.p.rollIndex(v.Voter)
		if e.at(place)&Approve != 0 || !l.fits(e, v.Size) {
			continue
		}
		l.addBallot(e, place, Approve, v.Size)
		r.Equivocated = r.Equivocated || e.at(place) == Both
		r.Adopted = append(r.Adopted, v.Ref())
	}
	if len(r.Adopted) == 0 {
		r.Verdict, r.Now = Known, r.Was
		return r, nil
	}
	return l.recount(e, r)
}

func (c *Certificate) size() int {
	n := charge(c.Proposal.Size)
	for _, v := range c.Ballots {
		n += charge(v.Size)
	}
	return n
}

// Evidence says that a voter signed both an approval and a reject of one proposal: two machines, a
// restored backup, or dishonesty. The two ballots prove it. It changes no tally.
type Evidence struct {
	Proposal ID
	Voter    identity.Key
}

// Evidence returns all equivocations, by proposal, then voter.
func (l *Ledger) Evidence() []Evidence {
	var out []Evidence
	for _, id := range l.ids {
		e := l.entries[id]
		if !e.twice() {
			continue
		}
		for i, k := range e.p.Roll {
			if e.at(i) == Both {
				out = append(out, Evidence{id, k})
			}
		}
	}
	return out
}

// Ballots returns the names of the two ballots that prove the equivocation.
func (e Evidence) Ballots() [2]Ref {
	return [2]Ref{
		Ballot{Proposal: e.Proposal, Voter: e.Voter, Choice: Approve}.Ref(),
		Ballot{Proposal: e.Proposal, Voter: e.Voter, Choice: Reject}.Ref(),
	}
}
