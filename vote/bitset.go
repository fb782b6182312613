package vote

import "math/bits"

// ballotBits is what is known of a proposal's ballots: one bit per roll place and choice.
type ballotBits struct{ approve, reject [MaxRoll / 64]uint64 }

// mark notes a choice and reports whether it was new. A place of −1, or any other choice than
// Approve or Reject, is not noted.
func (m *ballotBits) mark(place int, c Choice) bool {
	if place < 0 || c != Approve && c != Reject || m.at(place)&c != 0 {
		return false
	}
	set := &m.approve
	if c == Reject {
		set = &m.reject
	}
	set[place/64] |= 1 << (place % 64)
	return true
}

// at is what is known of the voter at place.
func (m *ballotBits) at(place int) Choice {
	a := m.approve[place/64] >> (place % 64) & 1
	r := m.reject[place/64] >> (place % 64) & 1
	return Choice(a | r<<1)
}

// count is the number who approved, and of those who only rejected.
func (m *ballotBits) count() (yes, no int) {
	for i, a := range m.approve {
		yes += bits.OnesCount64(a)
		no += bits.OnesCount64(m.reject[i] &^ a)
	}
	return yes, no
}

// twice reports whether anybody signed both.
func (m *ballotBits) twice() bool {
	for i, a := range m.approve {
		if a&m.reject[i] != 0 {
			return true
		}
	}
	return false
}
