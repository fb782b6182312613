package vote

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
)

// ErrCertificate is what Certificate.Check's errors wrap, besides ErrInvalid for its proposal.
var ErrCertificate = errors.New("certificate does not show that the proposal passed")

// Certificate is what proves to a stranger that a proposal passed: the proposal and at least M
// approving ballots. The caller's file holds the signed records; it verifies those, makes a
// Certificate of them and asks Check.
//
// That an OFF passed does not say that it ended an ON: for that the ballots have to hold a majority
// of the ON's roll too, see Ends.
type Certificate struct {
	Proposal Proposal
	Ballots  []Ballot // all approve it, voters strictly ascending
}

// Certificate is the certificate of a passed proposal, with every approval that is known; false if
// it has not passed.
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

// Check reports the first flaw: an invalid proposal, a ballot for another one, a reject, a voter
// off the roll, twice or out of order, or fewer than M.
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

// ApprovedBy is how many of those who approved c, which passed Check, are on the roll of another.
func (c *Certificate) ApprovedBy(p *Proposal) int {
	n := 0
	for _, v := range c.Ballots {
		if p.OnRoll(v.Voter) {
			n++
		}
	}
	return n
}

// AddCertificate takes a certificate whose records are verified, whole: while its ballots come in
// the proposal can't be dropped as undecided. Its Accepted records are in the result as Adopted. Errors
// are those of Check, and ErrFull.
func (l *Ledger) AddCertificate(c Certificate) (Result, error) {
	var r Result
	if err := c.Check(); err != nil {
		return r, err
	}
	e := l.entries[c.Proposal.ID]
	if e != nil {
		r.Was = e.tally.State
	} else {
		if l.bytes-l.loose+c.size() > l.limits.room {
			return r, ErrFull
		}
		e = l.insert(c.Proposal)
		r.Adopted = append(r.Adopted, e.p.Ref())
		l.adopt(e, &r)
	}
	for _, v := range c.Ballots {
		place := e.p.place(v.Voter)
		if e.at(place)&Approve != 0 || !l.fits(e, v.Size) {
			continue
		}
		l.mark(e, place, Approve, v.Size)
		r.Equivocated = r.Equivocated || e.at(place) == Both
		r.Adopted = append(r.Adopted, v.Ref())
	}
	if len(r.Adopted) == 0 {
		r.Verdict, r.Now = Known, r.Was
		return r, nil
	}
	return l.settle(e, r)
}

func (c *Certificate) size() int {
	n := charge(c.Proposal.Size)
	for _, v := range c.Ballots {
		n += charge(v.Size)
	}
	return n
}

// Evidence says that a voter signed both an approval and a reject of one proposal: two machines, a
// restored backup, or dishonest. The two ballots prove it. It changes no tally.
type Evidence struct {
	Proposal ID
	Voter    identity.Key
}

// Evidence is all that there is, by proposal, then voter.
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

// Ballots is the two ballots that are the evidence.
func (e Evidence) Ballots() [2]Ref {
	return [2]Ref{
		Ballot{Proposal: e.Proposal, Voter: e.Voter, Choice: Approve}.Ref(),
		Ballot{Proposal: e.Proposal, Voter: e.Voter, Choice: Reject}.Ref(),
	}
}
