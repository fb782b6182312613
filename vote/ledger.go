package vote

import (
	"errors"
	"fmt"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// Errors of the Ledger's Add methods. Whoever gets one doesn't keep the record.
var (
	ErrNotOnRoll = errors.New("voter is not on the proposal's roll")
	ErrNotAuthor = errors.New("only its author can cancel a proposal")
	ErrChoice    = errors.New("a ballot says approve or reject")
	ErrFull      = errors.New("no room left for this vote record")
)

// Ledger holds what is known of a room's votes and keeps the counts as records come in, in any order.
// The zero Ledger is not usable: see NewLedger. It is not safe for concurrent use; its owner is whoever
// owns the room.
type Ledger struct {
	limits  limits
	entries map[ID]*entry
	ids     []ID // of entries, ascending
	waiting []waiting

	ons, offs, topics map[ID]*entry   // those that have passed
	offsOf            map[ID][]*entry // ON → the OFFs that name it, passed or not
	numbers           map[uint64][]ID // number → those of that number, as they came

	accounts map[identity.Key]*account
	bytes    int // of all that is kept
	loose    int // of proposals that have not passed, with their ballots

	depths  []deep // of topics, the deepest first; nil when it must be made again
	hash    [32]byte
	hashOld bool
}

// entry is a proposal and all that is known about it.
type entry struct {
	p Proposal
	ballotBits
	cancelled bool
	tally     Tally
	endedBy   *entry // the newest passed OFF that ends it; nil: none, or it isn't an ON
	own       int    // bytes of the proposal
	bytes     int    // of the proposal and of what was said about it
	undecided int    // what of own its author's account carries
	loose     int    // what of bytes its author's account carries
}

// NewLedger is an empty book with the bounds of rule 11.
func NewLedger() *Ledger {
	return &Ledger{
		limits:  limits{author: MaxUndecided, room: MaxRoom, waiting: MaxPending},
		entries: map[ID]*entry{},
		ons:     map[ID]*entry{}, offs: map[ID]*entry{}, topics: map[ID]*entry{},
		offsOf:   map[ID][]*entry{},
		numbers:  map[uint64][]ID{},
		accounts: map[identity.Key]*account{},
		hashOld:  true,
	}
}

// Verdict is what became of a record.
type Verdict uint8

// The verdicts.
const (
	Refused  Verdict = iota // with an error
	Accepted                // new: the caller keeps the record and passes it on
	Known                   // had it already
	Pending                 // its proposal is unknown: remembered for a while, not to be kept on disk
)

// String is the verdict's word.
func (v Verdict) String() string { return [...]string{"refused", "kept", "known", "waiting"}[v] }

// Result is what a record has done. If the caller holds back the signed bytes of waiting records,
// Adopted and Discarded tell when to keep them and when to let them go.
type Result struct {
	Verdict     Verdict
	Was, Now    State // of the proposal
	Equivocated bool  // this ballot, or one that waited, made evidence
	Adopted     []Ref // waiting records that this proposal brought in: Accepted from now on
	Discarded   []Ref // waiting records that are let go
	Dropped     []ID  // proposals that are kept no more, with their ballots and cancels
}

// AddProposal takes a verified proposal. The errors wrap ErrInvalid or are ErrFull.
func (l *Ledger) AddProposal(p Proposal) (Result, error) {
	var r Result
	if err := Validate(&p); err != nil {
		return r, err
	}
	if e := l.entries[p.ID]; e != nil {
		return Result{Verdict: Known, Was: e.tally.State, Now: e.tally.State}, nil
	}
	e := l.insert(p)
	l.adopt(e, &r)
	return l.settle(e, r)
}

// AddBallot takes a verified ballot. The errors are ErrChoice, ErrNotOnRoll and ErrFull.
func (l *Ledger) AddBallot(v Ballot) (Result, error) {
	if v.Choice != Approve && v.Choice != Reject {
		return Result{}, ErrChoice
	}
	e := l.entries[v.Proposal]
	if e == nil {
		return l.wait(v.Ref(), v.Size), nil
	}
	r := Result{Was: e.tally.State, Now: e.tally.State}
	place := e.p.place(v.Voter)
	if place < 0 {
		return r, fmt.Errorf("%w: %s", ErrNotOnRoll, v.Voter.Short())
	}
	if e.at(place)&v.Choice != 0 {
		r.Verdict = Known
		return r, nil
	}
	if !l.fits(e, v.Size) {
		return r, ErrFull
	}
	l.mark(e, place, v.Choice, v.Size)
	r.Equivocated = e.at(place) == Both
	return l.settle(e, r)
}

// AddCancel takes a verified cancel. The errors are ErrNotAuthor and ErrFull.
func (l *Ledger) AddCancel(c Cancel) (Result, error) {
	e := l.entries[c.Proposal]
	if e == nil {
		return l.wait(c.Ref(), c.Size), nil
	}
	r := Result{Was: e.tally.State, Now: e.tally.State}
	switch {
	case c.By != e.p.Author:
		return r, fmt.Errorf("%w: %s is not", ErrNotAuthor, c.By.Short())
	case e.cancelled:
		r.Verdict = Known
		return r, nil
	case !l.fits(e, c.Size):
		return r, ErrFull
	}
	l.cancel(e, c.Size)
	return l.settle(e, r)
}

func (l *Ledger) insert(p Proposal) *entry {
	e := &entry{p: p, own: charge(p.Size), bytes: charge(p.Size)}
	l.bytes += e.bytes
	l.entries[p.ID] = e
	at, _ := slices.BinarySearchFunc(l.ids, p.ID, ID.Compare)
	l.ids = slices.Insert(l.ids, at, p.ID)
	l.numbers[p.Number] = append(l.numbers[p.Number], p.ID)
	for _, on := range p.Ends {
		l.offsOf[on] = append(l.offsOf[on], e)
	}
	l.recheck(e)
	return e
}

func (l *Ledger) mark(e *entry, place int, c Choice, size int) {
	e.ballotBits.mark(place, c)
	e.bytes += charge(size)
	l.bytes += charge(size)
}

func (l *Ledger) cancel(e *entry, size int) {
	e.cancelled = true
	e.bytes += charge(size)
	l.bytes += charge(size)
}

// settle counts e after a change, brings what follows from the count up to date and holds the
// bounds, which may cost e itself its place.
func (l *Ledger) settle(e *entry, r Result) (Result, error) {
	r.Verdict = Accepted
	r.Was = e.tally.State
	e.tally = e.ballotBits.tally(&e.p, e.cancelled)
	r.Now = e.tally.State
	l.hashOld = true
	if r.Now == Passed {
		l.pass(e)
	}
	l.account(e)
	r.Dropped = l.trim(e)
	if slices.Contains(r.Dropped, e.p.ID) {
		r.Verdict, r.Now = Refused, Unknown
		return r, ErrFull
	}
	return r, nil
}

// pass files a proposal that has passed. A passed OFF is looked at with every further approval:
// it may be the one that its ONs still lack.
func (l *Ledger) pass(e *entry) {
	switch {
	case e.p.IsOff():
		l.offs[e.p.ID] = e
		for _, id := range e.p.Ends {
			if on := l.entries[id]; on != nil {
				on.endBy(e)
			}
		}
	case e.p.IsOn():
		l.ons[e.p.ID] = e
	case l.topics[e.p.ID] == nil:
		l.topics[e.p.ID] = e
		l.depths = nil
	}
}

// remove forgets e and all that followed from it.
func (l *Ledger) remove(e *entry) {
	id := e.p.ID
	delete(l.entries, id)
	if at, found := slices.BinarySearchFunc(l.ids, id, ID.Compare); found {
		l.ids = slices.Delete(l.ids, at, at+1)
	}
	delete(l.ons, id)
	delete(l.offs, id)
	delete(l.topics, id)
	l.depths, l.hashOld = nil, true
	forget(l.numbers, e.p.Number, id)
	for _, on := range e.p.Ends {
		forget(l.offsOf, on, e)
		if o := l.entries[on]; o != nil && o.endedBy == e {
			l.recheck(o)
		}
	}
	l.bytes -= e.bytes
	l.unaccount(e)
}

// forget takes v out of the list at k.
func forget[K, V comparable](m map[K][]V, k K, v V) {
	m[k] = slices.DeleteFunc(m[k], func(o V) bool { return o == v })
	if len(m[k]) == 0 {
		delete(m, k)
	}
}
