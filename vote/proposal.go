package vote

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"chat.lan/p2pchat/crypto/identity"
)

// Limits of a proposal.
const (
	MaxRoll     = 256            // voters
	MaxEnds     = 64             // ONs that an OFF names
	MaxNumber   = 999_999        // the short number
	MaxAction   = 256            // bytes of a topic
	MaxNote     = 512            // bytes of a note
	MaxDuration = 24 * time.Hour // from a proposal's time to its closing

	// DefaultDuration is the time from a proposal to its closing, unless its author sets another.
	DefaultDuration = 3 * time.Minute
	// DisputeAfter is how long a link must have stood to count for ListLeftOut.
	DisputeAfter = 10 * time.Second
)

// Errors of Validate and of the decoders, wrapped with what is wrong.
var (
	ErrInvalid = errors.New("invalid proposal")
	ErrRoll    = fmt.Errorf("%w: roll", ErrInvalid)
	ErrNeed    = fmt.Errorf("%w: need", ErrInvalid)
)

// Proposal is a verified proposal record, as a value. Copies share Ends and Roll, which must not be
// modified. As JSON it is the record's data: the order of the fields is that of the signed keys.
type Proposal struct {
	ID     ID           `json:"-"` // the record's id
	Author identity.Key `json:"-"` // the signer
	Time   int64        `json:"-"` // the record's time, ms since 1970
	Size   int          `json:"-"` // bytes that the record counts for in the bounds of rule 11

	Number uint64         `json:"n"` // the short number, 1 to MaxNumber
	Slot   Slot           `json:"slot"`
	Base   ID             `json:"base"`   // the deepest topic when this topic was proposed; zero for SecureOnly
	Ends   []ID           `json:"ends"`   // the ONs that an OFF ends, strictly ascending; else empty
	Action string         `json:"action"` // On, Off, or the topic
	Roll   []identity.Key `json:"roll"`   // strictly ascending, Author among them
	Need   int            `json:"need"`   // M: approvals that pass it
	Note   string         `json:"note"`   // the author's words
	Closes int64          `json:"closes"` // end of prompting, ms since 1970 by the author's clock
}

// Validate returns why p counts nowhere: an error that wraps ErrInvalid, or nil.
func Validate(p *Proposal) error {
	if err := p.checkData(); err != nil {
		return err
	}
	if p.ID.IsZero() {
		return fmt.Errorf("%w: no id", ErrInvalid)
	}
	if p.Author.IsZero() || p.rollIndex(p.Author) < 0 {
		return fmt.Errorf("%w: its author is not on it", ErrRoll)
	}
	if p.Closes <= p.Time || p.Closes-p.Time > MaxDuration.Milliseconds() {
		return fmt.Errorf("%w: closes must be within %v after its time", ErrInvalid, MaxDuration)
	}
	return nil
}

// checkData checks the rules that need nothing but the record's data.
func (p *Proposal) checkData() error {
	if p.Number < 1 || p.Number > MaxNumber {
		return fmt.Errorf("%w: number %d is not in 1 to %d", ErrInvalid, p.Number, MaxNumber)
	}
	if p.Closes < 0 || p.Closes >= 1<<53 {
		return fmt.Errorf("%w: closes is out of range", ErrInvalid)
	}
	if err := p.checkSlot(); err != nil {
		return err
	}
	if len(p.Roll) < 1 || len(p.Roll) > MaxRoll {
		return fmt.Errorf("%w of %d voters: 1 to %d expected", ErrRoll, len(p.Roll), MaxRoll)
	}
	for i, k := range p.Roll {
		if k.IsZero() {
			return fmt.Errorf("%w: no key at place %d", ErrRoll, i)
		}
		if i > 0 && p.Roll[i-1].Compare(k) >= 0 {
			return fmt.Errorf("%w: keys are not strictly ascending at place %d", ErrRoll, i)
		}
	}
	if least := Threshold(p.Slot, p.Action, len(p.Roll)); p.Need < least || p.Need > len(p.Roll) {
		return fmt.Errorf("%w %d is not in %d to %d for a roll of %d", ErrNeed, p.Need, least, len(p.Roll), len(p.Roll))
	}
	return checkLine(p.Note, MaxNote)
}

func (p *Proposal) checkSlot() error {
	off := p.Slot == SecureOnly && p.Action == Off
	switch {
	case p.Slot == Topic:
		if err := checkLine(p.Action, MaxAction); err != nil {
			return err
		}
	case p.Slot != SecureOnly:
		return fmt.Errorf("%w: unknown slot %.40q", ErrInvalid, p.Slot)
	case p.Action != On && p.Action != Off:
		return fmt.Errorf("%w: secure-only is on or off, not %.40q", ErrInvalid, p.Action)
	case !p.Base.IsZero():
		return fmt.Errorf("%w: secure-only has no base", ErrInvalid)
	}
	if off != (len(p.Ends) > 0) {
		return fmt.Errorf("%w: secure-only off names what it ends, nothing else does", ErrInvalid)
	}
	if len(p.Ends) > MaxEnds {
		return fmt.Errorf("%w: it ends %d, more than %d", ErrInvalid, len(p.Ends), MaxEnds)
	}
	for i, id := range p.Ends {
		if id.IsZero() || i > 0 && p.Ends[i-1].Compare(id) >= 0 {
			return fmt.Errorf("%w: what it ends is not strictly ascending", ErrInvalid)
		}
	}
	return nil
}

func checkLine(s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("%w: text of %d bytes, more than %d", ErrInvalid, len(s), most)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: text is not UTF-8", ErrInvalid)
	}
	for _, r := range s {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			return fmt.Errorf("%w: control character %U in text", ErrInvalid, r)
		}
	}
	return nil
}

// rollIndex returns k's place on the roll, or −1.
func (p *Proposal) rollIndex(k identity.Key) int {
	i, found := slices.BinarySearchFunc(p.Roll, k, identity.Key.Compare)
	if !found {
		return -1
	}
	return i
}

// OnRoll reports whether k may vote on p.
func (p *Proposal) OnRoll(k identity.Key) bool { return p.rollIndex(k) >= 0 }

// IsOn reports whether p switches secure-only on.
func (p *Proposal) IsOn() bool { return p.Slot == SecureOnly && p.Action == On }

// IsOff reports whether p switches secure-only off.
func (p *Proposal) IsOff() bool { return p.Slot == SecureOnly && p.Action == Off }

// ListLeftOut returns the voters that p's roll leaves out, as self sees it when p arrives (rule 6).
// linked are the native peers that self has had a link to for DisputeAfter or more. The list
// includes self when p's author is linked and self is not on the roll.
//
// If the list is not empty, the caller adds p to its dispute set for good. Asking again later, when
// others are linked, would let anyone undo a decision by joining. OFFs are never disputed: their
// list is empty.
func (p *Proposal) ListLeftOut(self identity.Key, linked []identity.Key) []identity.Key {
	if p.IsOff() || p.Author == self {
		return nil
	}
	var out []identity.Key
	for _, k := range linked {
		if k != self && !p.OnRoll(k) {
			out = append(out, k)
		}
	}
	if !p.OnRoll(self) && slices.Contains(linked, p.Author) {
		out = append(out, self)
	}
	return NewRoll(out...)
}

// NewRoll returns the keys in a roll's order, each once, without the zero key. It doesn't limit
// their number.
func NewRoll(keys ...identity.Key) []identity.Key {
	roll := slices.DeleteFunc(slices.Clone(keys), identity.Key.IsZero)
	slices.SortFunc(roll, identity.Key.Compare)
	return slices.Compact(roll)
}
