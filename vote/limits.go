package vote

import (
	"cmp"

	"chat.lan/p2pchat/crypto/identity"
)

// The bounds of rule 11, in bytes of records as their callers give them (Size).
const (
	MaxUndecided = 64 << 10 // undecided proposals of one author, without their ballots
	MaxRoom      = 16 << 20 // all vote records of a room

	// minRecord is charged for a record of no or less size: none is smaller, signed and framed.
	minRecord = 256
)

type limits struct{ author, room, waiting int }

func charge(size int) int { return max(size, minRecord) }

// account is what one author's proposals take, as far as they have not passed.
type account struct {
	undecided int // bytes of the open and cancelled ones
	loose     int // bytes of all of them, with their ballots
	entries   map[*entry]struct{}
}

// account brings e's part of its author's account up to date.
func (l *Ledger) account(e *entry) {
	l.unaccount(e)
	if e.tally.State == Passed {
		return
	}
	a := l.accounts[e.p.Author]
	if a == nil {
		a = &account{entries: map[*entry]struct{}{}}
		l.accounts[e.p.Author] = a
	}
	a.entries[e] = struct{}{}
	if e.loose = e.bytes; e.tally.State != Rejected {
		e.undecided = e.own
	}
	a.undecided += e.undecided
	a.loose += e.loose
	l.loose += e.loose
}

func (l *Ledger) unaccount(e *entry) {
	a := l.accounts[e.p.Author]
	if a == nil {
		return
	}
	a.undecided -= e.undecided
	a.loose -= e.loose
	l.loose -= e.loose
	e.undecided, e.loose = 0, 0
	if delete(a.entries, e); len(a.entries) == 0 {
		delete(l.accounts, e.p.Author)
	}
}

// fits reports whether a record about e can be taken: what has passed is never dropped, so once that
// alone fills the room there is no place for more about it.
func (l *Ledger) fits(e *entry, size int) bool {
	return e.tally.State != Passed || l.bytes-l.loose+charge(size) <= l.limits.room
}

// trim drops what is over the bounds after a change to e and returns the ids. The oldest of an
// author's proposals go first, and in a full room the author with the most bytes gives: a flood
// from one key, or from many with much each, doesn't push out a small honest vote.
func (l *Ledger) trim(e *entry) []ID {
	var out []ID
	drop := func(v *entry) {
		l.remove(v)
		out = append(out, v.p.ID)
	}
	for a := l.accounts[e.p.Author]; a != nil && a.undecided > l.limits.author; {
		drop(a.oldest(func(e *entry) bool { return e.undecided > 0 }))
	}
	for l.bytes > l.limits.room && l.loose > 0 {
		drop(l.largest().oldest(func(*entry) bool { return true }))
	}
	if l.bytes > l.limits.room && l.entries[e.p.ID] == e { // it has just passed, and nothing else can go
		drop(e)
	}
	return out
}

// oldest is the account's proposal of the least time, then the lower id, of those that may go.
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

// largest is the account with the most loose bytes, then that of the lower key.
func (l *Ledger) largest() *account {
	var most *account
	var of identity.Key
	for k, a := range l.accounts {
		if most == nil || a.loose > most.loose || a.loose == most.loose && k.Compare(of) < 0 {
			most, of = a, k
		}
	}
	return most
}
