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

// Wish is what somebody wants to propose. Zero values mean the default.
type Wish struct {
	Slot   Slot
	Action string
	Note   string
	Need   int            // M, if more than the rule is wanted
	Roll   []identity.Key // who may vote, in any order; the author is added
	For    time.Duration  // how long it is prompted for
}

// Draft makes a proposal of a wish as author at now (ms since 1970), for the caller to show, encode
// and sign with that time: number, base and what it ends are filled in. The errors are
// ErrTooManyOpen, ErrNothingOn, and those of Valid.
func (b *Book) Draft(author identity.Key, w Wish, d Disputes, now int64) (Proposal, error) {
	if b.open(author, now) >= MaxOpen {
		return Proposal{}, ErrTooManyOpen
	}
	p := Proposal{
		Author: author, Time: now, Number: b.NextNumber(), Slot: w.Slot, Action: w.Action, Note: w.Note,
		Roll: NewRoll(append(slices.Clone(w.Roll), author)...), Need: w.Need,
		Closes: now + cmp.Or(w.For, For).Milliseconds(),
	}
	if p.Need == 0 {
		p.Need = Rule(p.Slot, p.Action, len(p.Roll))
	}
	if p.Slot == Topic {
		p.Base = b.TopicBase()
	}
	if p.IsOff() {
		if p.Ends = b.ToEnd(d); len(p.Ends) == 0 {
			return Proposal{}, ErrNothingOn
		}
	}
	check := p
	check.ID = ID{1} // it gets one when it is signed
	return p, Valid(&check)
}

func (b *Book) open(author identity.Key, now int64) int {
	n := 0
	if a := b.accounts[author]; a != nil {
		for e := range a.entries {
			if e.tally.State == Open && now < e.p.Closes {
				n++
			}
		}
	}
	return n
}

// Prompts is what to ask voter about at now (ms since 1970): open proposals that have not closed, on
// whose roll he is and of which no ballot of his is known. At most MaxPrompts: each author's first
// come before any author's second, so that nobody can fill the list alone; then by time, then id.
func (b *Book) Prompts(voter identity.Key, now int64) []ID {
	type prompt struct {
		e    *entry
		rank int
	}
	var asked []prompt
	for _, a := range b.accounts {
		var of []*entry
		for e := range a.entries {
			place := e.p.place(voter)
			if e.tally.State == Open && now < e.p.Closes && place >= 0 && e.at(place) == None {
				of = append(of, e)
			}
		}
		slices.SortFunc(of, byAge)
		for i, e := range of {
			asked = append(asked, prompt{e, i})
		}
	}
	slices.SortFunc(asked, func(x, y prompt) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), byAge(x.e, y.e))
	})
	var ids []ID
	for _, p := range asked[:min(len(asked), MaxPrompts)] {
		ids = append(ids, p.e.p.ID)
	}
	return ids
}
