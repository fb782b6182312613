package vote

import (
	"errors"
	"fmt"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// Errors of the Ledger's Add methods. The caller drops a record that gets one.
var (
	ErrNotOnRoll = errors.New("voter is not on the proposal's roll")
	ErrNotAuthor = errors.New("only its author can cancel a proposal")
	ErrChoice    = errors.New("a ballot says approve or reject")
	ErrFull      = errors.New("no room left for this vote record")
)

// Ledger holds the votes of a room and counts them as records arrive, in any order.
//
// NewLedger makes one; the zero Ledger doesn't work. It is not safe for concurrent use, so the
// caller guards it.
type Ledger struct {
	limits  limits
	entries map[ID]*entry
	ids     []ID // the keys of entries, ascending
	pending []pendingRecord

	ons, offs, topics map[ID]*entry   // passed proposals only
	offsOf            map[ID][]*entry // by ON: the OFFs that name it, passed or not
	numbers           map[uint64][]ID // by short number, in the order of arrival

	accounts  map[identity.Key]*account
	bytes     int // charged for all records
	droppable int // the part of bytes that may be dropped: proposals that have not passed, with their ballots

	depths    []rankedTopic // the passed topics, the deepest first; nil when stale
	hash      [32]byte
	hashStale bool
}

// entry is a proposal and the records about it.
type entry struct {
	p Proposal
	ballotBits
	cancelled bool
	tally     Tally
	endedBy   *entry // the newest passed OFF that ends this ON; nil if none does
	own       int    // charged for the proposal
	bytes     int    // charged for the proposal, its ballots and its cancel
	undecided int    // the part of own in its author's account
	droppable int    // the part of bytes in its author's account
}

// NewLedger returns an empty ledger with the bounds of rule 11.
func NewLedger() *Ledger {
	return &Ledger{
		limits:  limits{author: MaxUndecided, room: MaxRoom, pending: MaxPending},
		entries: map[ID]*entry{},
		ons:     map[ID]*entry{}, offs: map[ID]*entry{}, topics: map[ID]*entry{},
		offsOf:    map[ID][]*entry{},
		numbers:   map[uint64][]ID{},
		accounts:  map[identity.Key]*account{},
		hashStale: true,
	}
}

// Verdict says what the ledger did with a record.
type Verdict uint8

// The verdicts.
const (
	Refused  Verdict = iota // with an error
	Accepted                // new: the caller saves the record and forwards it
	Known                   // the ledger has it already
	Pending                 // its proposal is unknown: it waits in memory and isn't saved
)

// String returns the verdict's word.
func (v Verdict) String() string { return [...]string{"refused", "accepted", "known", "pending"}[v] }

// Result says what a record changed. A caller that holds the signed bytes of pending records keeps
// those of Adopted and drops those of Discarded.
type Result struct {
	Verdict     Verdict
	Was, Now    State // the proposal's state before and after
	Equivocated bool  // this ballot, or a pending one, is evidence of equivocation
	Adopted     []Ref // pending records that this proposal accepts
	Discarded   []Ref // pending records that are dropped
	Dropped     []ID  // proposals that are removed with their ballots and cancels
}

// AddProposal adds a verified proposal. Its errors wrap ErrInvalid or are ErrFull.
func (l *Ledger) AddProposal(p Proposal) (Result, error) {
	var r Result
	if err := Validate(&p); err != nil {
		return r, err
	}
	if e := l.entries[p.ID]; e != nil {
		return Result{Verdict: Known, Was: e.tally.State, Now: e.tally.State}, nil
	}
	e := l.insert(p)
	l.adoptPending(e, &r)
	return l.recount(e, r)
}

// AddBallot adds a verified ballot. Its errors are ErrChoice, ErrNotOnRoll and ErrFull.
func (l *Ledger) AddBallot(v Ballot) (Result, error) {
	if v.Choice != Approve && v.Choice != Reject {
		return Result{}, ErrChoice
	}
	e := l.entries[v.Proposal]
	if e == nil {
		return l.addPending(v.Ref(), v.Size), nil
	}
	r := Result{Was: e.tally.State, Now: e.tally.State}
	place := e.p.rollIndex(v.Voter)
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
	l.addBallot(e, place, v.Choice, v.Size)
	r.Equivocated = e.at(place) == Both
	return l.recount(e, r)
}

// AddCancel adds a verified cancel. Its errors are ErrNotAuthor and ErrFull.
func (l *Ledger) AddCancel(c Cancel) (Result, error) {
	e := l.entries[c.Proposal]
	if e == nil {
		return l.addPending(c.Ref(), c.Size), nil
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
	l.addCancel(e, c.Size)
	return l.recount(e, r)
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
	l.findEnding(e)
	return e
}

func (l *Ledger) addBallot(e *entry, place int, c Choice, size int) {
	e.ballotBits.set(place, c)
	e.bytes += charge(size)
	l.bytes += charge(size)
}

func (l *Ledger) addCancel(e *entry, size int) {
	e.cancelled = true
	e.bytes += charge(size)
	l.bytes += charge(size)
}

// recount counts e after a change, updates the state that depends on the count, and enforces the
// bounds of rule 11, which may remove e itself.
func (l *Ledger) recount(e *entry, r Result) (Result, error) {
	r.Verdict = Accepted
	r.Was = e.tally.State
	e.tally = e.ballotBits.tally(&e.p, e.cancelled)
	r.Now = e.tally.State
	l.hashStale = true
	if r.Now == Passed {
		l.filePassed(e)
	}
	l.chargeAuthor(e)
	r.Dropped = l.trim(e)
	if slices.Contains(r.Dropped, e.p.ID) {
		r.Verdict, r.Now = Refused, Unknown
		return r, ErrFull
	}
	return r, nil
}

// filePassed indexes a passed proposal. A passed OFF is compared with its ONs at every further
// approval, because that approval may be the one that an ON's roll still lacks.
func (l *Ledger) filePassed(e *entry) {
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

// remove deletes e and everything derived from it.
func (l *Ledger) remove(e *entry) {
	id := e.p.ID
	delete(l.entries, id)
	if at, found := slices.BinarySearchFunc(l.ids, id, ID.Compare); found {
		l.ids = slices.Delete(l.ids, at, at+1)
	}
	delete(l.ons, id)
	delete(l.offs, id)
	delete(l.topics, id)
	l.depths, l.hashStale = nil, true
	removeFrom(l.numbers, e.p.Number, id)
	for _, on := range e.p.Ends {
		removeFrom(l.offsOf, on, e)
		if o := l.entries[on]; o != nil && o.endedBy == e {
			l.findEnding(o)
		}
	}
	l.bytes -= e.bytes
	l.unchargeAuthor(e)
}

// removeFrom removes v from the list at k.
func removeFrom[K, V comparable](m map[K][]V, k K, v V) {
	m[k] = slices.DeleteFunc(m[k], func(o V) bool { return o == v })
	if len(m[k]) == 0 {
		delete(m, k)
	}
}
