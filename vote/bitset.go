package vote

import "math/bits"

// ballotBits are the known ballots of a proposal: one bit for each roll place and choice.
type ballotBits struct{ approve, reject [MaxRoll / 64]uint64 }

// set stores a choice and reports whether it was new. It ignores a place of −1 and any choice but
// Approve and Reject.
func (m *ballotBits) set(place int, c Choice) bool {
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
