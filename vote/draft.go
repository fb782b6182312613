package vote

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// The bounds that an honest client sets itself (rule 11). The screen applies MaxPrompts.
const (
	MaxOpen    = 4  // own proposals that are open and not past closes
	MaxPrompts = 32 // proposals that the user is asked about
)

// Errors of PrepareProposal.
var (
	ErrTooManyOpen = fmt.Errorf("%d of your proposals are still open: wait, or cancel one", MaxOpen)
	ErrNothingOn   = errors.New("secure-only is not on: there is nothing to switch off")
)

// Draft is what a user wants to propose. Zero values stand for the defaults.
type Draft struct {
	Slot     Slot
	Action   string
	Note     string
	Need     int            // M, if it shall be over the threshold
	Roll     []identity.Key // the voters, in any order; the author is added
	Duration time.Duration  // from its time to closes
}

// PrepareProposal makes the proposal of a draft by author at now (ms since 1970). It fills in the
// number, the base and the ONs to end. The caller shows, encodes and signs the proposal with that
// time. The errors are ErrTooManyOpen, ErrNothingOn and those of Validate.
func (l *Ledger) PrepareProposal(author identity.Key, w Draft, d Disputes, now int64) (Proposal, error) {
	if l.countOpen(author, now) >= MaxOpen {
		return Proposal{}, ErrTooManyOpen
	}
	p := Proposal{
		Author: author, Time: now, Number: l.NextNumber(), Slot: w.Slot, Action: w.Action, Note: w.Note,
		Roll: NewRoll(append(slices.Clone(w.Roll), author)...), Need: w.Need,
		Closes: now + cmp.Or(w.Duration, DefaultDuration).Milliseconds(),
	}
	if p.Need == 0 {
		p.Need = Threshold(p.Slot, p.Action, len(p.Roll))
	}
	if p.Slot == Topic {
		p.Base = l.TopicBase()
	}
	if p.IsOff() {
		if p.Ends = l.UnendedONs(d); len(p.Ends) == 0 {
			return Proposal{}, ErrNothingOn
		}
	}
	check := p
	check.ID = ID{1} // a proposal has an id only once it is signed
	return p, Validate(&check)
}

func (l *Ledger) countOpen(author identity.Key, now int64) int {
	n := 0
	if a := l.accounts[author]; a != nil {
		for e := range a.entries {
			if e.tally.State == Open && now < e.p.Closes {
				n++
			}
		}
	}
	return n
}
