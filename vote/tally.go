package vote

import "math/bits"

// State is the outcome that the records give a proposal. No clock takes part in it.
type State uint8

// The states. Passed is for good; the others can still become Passed.
const (
	Unknown   State = iota // no valid proposal of this id is known
	Open                   // none of the others
	Passed                 // M or more approved
	Rejected               // so many rejected that M can't be reached any more
	Cancelled              // its author cancelled it
)

// String returns the state's word in lower case.
func (s State) String() string {
	return [...]string{"unknown", "open", "passed", "rejected", "cancelled"}[s]
}

// Tally is the count of one proposal.
type Tally struct {
	N    int // voters on the roll
	Need int // M
	Yes  int // voters who approved
	No   int // voters who rejected and did not approve
	State
}

// tally counts by rule 2. An approval dominates a contradicting reject. Otherwise a dishonest voter
// could take back what has passed, and peers that got the two ballots in different orders would
// differ.
func (m *ballotBits) tally(p *Proposal, cancelled bool) Tally {
	yes, no := m.count()
	t := Tally{N: len(p.Roll), Need: p.Need, Yes: yes, No: no, State: Open}
	switch {
	case yes >= p.Need:
		t.State = Passed
	case no > len(p.Roll)-p.Need:
		t.State = Rejected
	case cancelled:
		t.State = Cancelled
	}
	return t
}

// ballotBits are the known ballots of a proposal: one bit for each roll place and choice.
type ballotBits struct{ approve, reject [MaxRoll / 64]uint64 }

// set stores a choice: Approve or Reject.
func (m *ballotBits) set(place int, c Choice) {
	set := &m.approve
	if c == Reject {
		set = &m.reject
	}
	set[place/64] |= 1 << (place % 64)
}

// at returns what is known of the voter at place.
func (m *ballotBits) at(place int) Choice {
	a := m.approve[place/64] >> (place % 64) & 1
	r := m.reject[place/64] >> (place % 64) & 1
	return Choice(a | r<<1)
}

// count returns the number of voters that approved, and of those that only rejected.
func (m *ballotBits) count() (yes, no int) {
	for i, a := range m.approve {
		yes += bits.OnesCount64(a)
		no += bits.OnesCount64(m.reject[i] &^ a)
	}
	return yes, no
}

// twice reports whether any voter signed both.
func (m *ballotBits) twice() bool {
	for i, a := range m.approve {
		if a&m.reject[i] != 0 {
			return true
		}
	}
	return false
}
