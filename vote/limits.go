package vote

import (
	"cmp"

	"chat.lan/p2pchat/crypto/identity"
)

// The bounds of rule 11, in bytes. A record counts with the Size that the caller gives.
const (
	MaxUndecided = 64 << 10 // undecided proposals of one author, without their ballots
	MaxRoom      = 16 << 20 // all vote records of a room

	// minRecord is the least that a record is charged: no signed and framed record is smaller.
	minRecord = 256
)

type limits struct{ author, room, pending int }

func charge(size int) int { return max(size, minRecord) }

// account sums up the proposals of one author that have not passed.
type account struct {
	undecided int // bytes of the open and cancelled proposals, without ballots
	droppable int // bytes of all these proposals, with their ballots
	entries   map[*entry]struct{}
}

// chargeAuthor updates e's part of its author's account.
func (l *Ledger) chargeAuthor(e *entry) {
	l.unchargeAuthor(e)
	if e.tally.State == Passed {
		return
	}
	a := l.accounts[e.p.Author]
	if a == nil {
		a = &account{entries: map[*entry]struct{}{}}
		l.accounts[e.p.Author] = a
	}
	a.entries[e] = struct{}{}
	if e.droppable = e.bytes; e.tally.State != Rejected {
		e.undecided = e.own
	}
	a.undecided += e.undecided
	a.droppable += e.droppable
	l.droppable += e.droppable
}

func (l *Ledger) unchargeAuthor(e *entry) {
	a := l.accounts[e.p.Author]
	if a == nil {
		return
	}
	a.undecided -= e.undecided
	a.droppable -= e.droppable
	l.droppable -= e.droppable
	e.undecided, e.droppable = 0, 0
	if delete(a.entries, e); len(a.entries) == 0 {
		delete(l.accounts, e.p.Author)
	}
}

// fits reports whether there is room for a record about e. Passed proposals are never dropped; once
// they alone fill the room, they get no more records.
func (l *Ledger) fits(e *entry, size int) bool {
	return e.tally.State != Passed || l.bytes-l.droppable+charge(size) <= l.limits.room
}

// trim drops proposals over the bounds after a change to e and returns their ids. An author's
// oldest proposals go first. In a full room the author with the most bytes gives. So a flood from
// one key, or from many keys with much each, doesn't push out a small honest vote.
func (l *Ledger) trim(e *entry) []ID {
	var out []ID
	drop := func(v *entry) {
		l.remove(v)
		out = append(out, v.p.ID)
	}
	for a := l.accounts[e.p.Author]; a != nil && a.undecided > l.limits.author; {
		drop(a.oldest(func(e *entry) bool { return e.undecided > 0 }))
	}
	for l.bytes > l.limits.room && l.droppable > 0 {
		drop(l.largest().oldest(func(*entry) bool { return true }))
	}
	if l.bytes > l.limits.room && l.entries[e.p.ID] == e { // e has just passed, and nothing else may be dropped
		drop(e)
	}
	return out
}

// oldest returns the proposal with the least time, then the lower id, for which may holds.
func (a *account) oldest(may func(*entry) bool) *entry {
	var oldest *entry
	for e := range a.entries {
		if may(e) && (oldest == nil || byAge(e, oldest) < 0) {
			oldest = e
		}
	}
	return oldest
}

func byAge(x, y *entry) int {
	return cmp.Or(cmp.Compare(x.p.Time, y.p.Time), x.p.ID.Compare(y.p.ID))
}

// largest returns the account with the most droppable bytes, of equals the one of the lower key.
func (l *Ledger) largest() *account {
	var most *account
	var of identity.Key
	for k, a := range l.accounts {
		if most == nil || a.droppable > most.droppable || a.droppable == most.droppable && k.Compare(of) < 0 {
			most, of = a, k
		}
	}
	return most
}
