package vote

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Errors of Find.
var (
	ErrNoProposal = errors.New("no such proposal")
	ErrAmbiguous  = errors.New("several proposals have this number")
)

// NextNumber returns the number for a new proposal: 1 + the highest known number, but at most
// MaxNumber. Proposals share that one once some author has used it.
func (l *Ledger) NextNumber() uint64 {
	var highest uint64
	for _, e := range l.entries {
		highest = max(highest, e.p.Number)
	}
	return min(highest+1, MaxNumber)
}

// Label returns a proposal's name for people: "#4", or "#4·7f" while another proposal has that
// number, with as many digits of the id as tell the two apart. It returns "" for an unknown
// proposal.
func (l *Ledger) Label(id ID) string {
	e := l.entries[id]
	if e == nil {
		return ""
	}
	bare := "#" + strconv.FormatUint(e.p.Number, 10)
	digits := 0
	for _, other := range l.numbers[e.p.Number] {
		if other == id {
			continue
		}
		same := 0
		for same < len(id)-1 && id[same] == other[same] {
			same++
		}
		digits = max(digits, 2*same+2)
	}
	if digits == 0 {
		return bare
	}
	return bare + "·" + id.String()[:digits]
}

// Find returns the proposal named by "#4", "4", "#4·7f" (or "#4.7f", which is easier to type), or
// by 8 or more leading digits of its id. A number that two proposals share gives ErrAmbiguous, with
// both names.
func (l *Ledger) Find(text string) (ID, error) {
	number, digits, _ := strings.Cut(strings.Replace(text, "·", ".", 1), ".")
	var found []ID
	n, err := strconv.ParseUint(strings.TrimPrefix(number, "#"), 10, 64)
	if err == nil && n <= MaxNumber && len(number) < 8 {
		found = slices.SortedFunc(slices.Values(l.numbers[n]), ID.Compare)
	} else if digits = text; len(digits) >= 8 {
		found = slices.Clone(l.ids)
	}
	digits = strings.ToLower(digits)
	found = slices.DeleteFunc(found, func(id ID) bool { return !strings.HasPrefix(id.String(), digits) })
	switch len(found) {
	case 0:
		return ID{}, fmt.Errorf("%w: %.80q", ErrNoProposal, text)
	case 1:
		return found[0], nil
	}
	labels := make([]string, 0, 4)
	for _, id := range found[:min(len(found), 4)] {
		labels = append(labels, l.Label(id))
	}
	return ID{}, fmt.Errorf("%w: say %s", ErrAmbiguous, strings.Join(labels, " or "))
}
