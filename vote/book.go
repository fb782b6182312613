package vote

import (
	"errors"
	"fmt"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// Errors of the Book's Add methods. Whoever gets one doesn't keep the record.
var (
	ErrNotOnRoll = errors.New("voter is not on the proposal's roll")
	ErrNotAuthor = errors.New("only its author can cancel a proposal")
	ErrChoice    = errors.New("a ballot says approve or reject")
	ErrFull      = errors.New("no room left for this vote record")
)

// Book holds what is known of a room's votes and keeps the counts as records come in, in any order.
// The zero Book is not usable: see NewBook. It is not safe for concurrent use; its owner is whoever
// owns the room.
type Book struct {
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
	marks
	cancelled bool
	tally     Tally
	endedBy   *entry // the newest passed OFF that ends it; nil: none, or it isn't an ON
	own       int    // bytes of the proposal
	bytes     int    // of the proposal and of what was said about it
	undecided int    // what of own its author's account carries
	loose     int    // what of bytes its author's account carries
}

// NewBook is an empty book with the bounds of rule 11.
func NewBook() *Book {
	return &Book{
		limits:  limits{author: MaxUndecided, room: MaxRoom, waiting: MaxWaiting},
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
	Refused Verdict = iota // with an error
	Kept                   // new: the caller keeps the record and passes it on
	Known                  // had it already
	Waiting                // its proposal is unknown: remembered for a while, not to be kept on disk
)

// String is the verdict's word.
func (v Verdict) String() string { return [...]string{"refused", "kept", "known", "waiting"}[v] }

// Result is what a record has done. If the caller holds back the signed bytes of waiting records,
// Adopted and Forgotten tell when to keep them and when to let them go.
type Result struct {
	Verdict   Verdict
	Was, Now  State // of the proposal
	Twice     bool  // this ballot, or one that waited, made evidence
	Adopted   []Ref // waiting records that this proposal brought in: Kept from now on
	Forgotten []Ref // waiting records that are let go
	Dropped   []ID  // proposals that are kept no more, with their ballots and cancels
}

// AddProposal takes a verified proposal. The errors wrap ErrInvalid or are ErrFull.
func (b *Book) AddProposal(p Proposal) (Result, error) {
	var r Result
	if err := Valid(&p); err != nil {
		return r, err
	}
	if e := b.entries[p.ID]; e != nil {
		return Result{Verdict: Known, Was: e.tally.State, Now: e.tally.State}, nil
	}
	e := b.insert(p)
	b.adopt(e, &r)
	return b.settle(e, r)
}

// AddBallot takes a verified ballot. The errors are ErrChoice, ErrNotOnRoll and ErrFull.
func (b *Book) AddBallot(v Ballot) (Result, error) {
	if v.Choice != Approve && v.Choice != Reject {
		return Result{}, ErrChoice
	}
	e := b.entries[v.Proposal]
	if e == nil {
		return b.wait(v.Ref(), v.Size), nil
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
	if !b.fits(e, v.Size) {
		return r, ErrFull
	}
	b.mark(e, place, v.Choice, v.Size)
	r.Twice = e.at(place) == Both
	return b.settle(e, r)
}

// AddCancel takes a verified cancel. The errors are ErrNotAuthor and ErrFull.
func (b *Book) AddCancel(c Cancel) (Result, error) {
	e := b.entries[c.Proposal]
	if e == nil {
		return b.wait(c.Ref(), c.Size), nil
	}
	r := Result{Was: e.tally.State, Now: e.tally.State}
	switch {
	case c.By != e.p.Author:
		return r, fmt.Errorf("%w: %s is not", ErrNotAuthor, c.By.Short())
	case e.cancelled:
		r.Verdict = Known
		return r, nil
	case !b.fits(e, c.Size):
		return r, ErrFull
	}
	b.cancel(e, c.Size)
	return b.settle(e, r)
}

func (b *Book) insert(p Proposal) *entry {
	e := &entry{p: p, own: charge(p.Size), bytes: charge(p.Size)}
	b.bytes += e.bytes
	b.entries[p.ID] = e
	at, _ := slices.BinarySearchFunc(b.ids, p.ID, ID.Compare)
	b.ids = slices.Insert(b.ids, at, p.ID)
	b.numbers[p.Number] = append(b.numbers[p.Number], p.ID)
	for _, on := range p.Ends {
		b.offsOf[on] = append(b.offsOf[on], e)
	}
	b.recheck(e)
	return e
}

func (b *Book) mark(e *entry, place int, c Choice, size int) {
	e.marks.mark(place, c)
	e.bytes += charge(size)
	b.bytes += charge(size)
}

func (b *Book) cancel(e *entry, size int) {
	e.cancelled = true
	e.bytes += charge(size)
	b.bytes += charge(size)
}

// settle counts e after a change, brings what follows from the count up to date and holds the
// bounds, which may cost e itself its place.
func (b *Book) settle(e *entry, r Result) (Result, error) {
	r.Verdict = Kept
	r.Was = e.tally.State
	e.tally = e.marks.tally(&e.p, e.cancelled)
	r.Now = e.tally.State
	b.hashOld = true
	if r.Now == Passed {
		b.pass(e)
	}
	b.account(e)
	r.Dropped = b.trim(e)
	if slices.Contains(r.Dropped, e.p.ID) {
		r.Verdict, r.Now = Refused, Unknown
		return r, ErrFull
	}
	return r, nil
}

// pass files a proposal that has passed. A passed OFF is looked at with every further approval:
// it may be the one that its ONs still lack.
func (b *Book) pass(e *entry) {
	switch {
	case e.p.IsOff():
		b.offs[e.p.ID] = e
		for _, id := range e.p.Ends {
			if on := b.entries[id]; on != nil {
				on.endBy(e)
			}
		}
	case e.p.IsOn():
		b.ons[e.p.ID] = e
	case b.topics[e.p.ID] == nil:
		b.topics[e.p.ID] = e
		b.depths = nil
	}
}

// remove forgets e and all that followed from it.
func (b *Book) remove(e *entry) {
	id := e.p.ID
	delete(b.entries, id)
	if at, found := slices.BinarySearchFunc(b.ids, id, ID.Compare); found {
		b.ids = slices.Delete(b.ids, at, at+1)
	}
	delete(b.ons, id)
	delete(b.offs, id)
	delete(b.topics, id)
	b.depths, b.hashOld = nil, true
	forget(b.numbers, e.p.Number, id)
	for _, on := range e.p.Ends {
		forget(b.offsOf, on, e)
		if o := b.entries[on]; o != nil && o.endedBy == e {
			b.recheck(o)
		}
	}
	b.bytes -= e.bytes
	b.unaccount(e)
}

// forget takes v out of the list at k.
func forget[K, V comparable](m map[K][]V, k K, v V) {
	m[k] = slices.DeleteFunc(m[k], func(o V) bool { return o == v })
	if len(m[k]) == 0 {
		delete(m, k)
	}
}
