package vote

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// The bounds that an honest client sets itself (rule 11).
const (
	MaxOpen    = 4  // proposals of its own that are open and not past closes
	MaxPrompts = 32 // proposals that it asks its user about
)

// Errors of Draft.
var (
	ErrTooManyOpen = fmt.Errorf("%d of your proposals are still open: wait, or cancel one", MaxOpen)
	ErrNothingOn   = errors.New("secure-only is not on: there is nothing to switch off")
)

// Draft is what somebody wants to propose. Zero values mean the default.
type Draft struct {
	Slot     Slot
	Action   string
	Note     string
	Need     int            // M, if more than the rule is wanted
	Roll     []identity.Key // who may vote, in any order; the author is added
	Duration time.Duration  // how long it is prompted for
}

// Draft makes a proposal of a wish as author at now (ms since 1970), for the caller to show, encode
// and sign with that time: number, base and what it ends are filled in. The errors are
// ErrTooManyOpen, ErrNothingOn, and those of Valid.
func (l *Ledger) PrepareProposal(author identity.Key, w Draft, d Disputes, now int64) (Proposal, error) {
	if l.open(author, now) >= MaxOpen {
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
	check.ID = ID{1} // it gets one when it is signed
	return p, Validate(&check)
}

func (l *Ledger) open(author identity.Key, now int64) int {
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
