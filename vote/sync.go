package vote

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// MapEntry is one line of a Map: the records about one proposal that its sender holds, as the bits of
// rule 10. In a request, an entry without bits asks for the proposal itself too.
type MapEntry struct {
	Proposal ID     `json:"proposal"`
	Bits     []byte `json:"bits"`
}

// Map lists the vote records that a peer holds (rule 10), the proposals strictly ascending.
type Map []MapEntry

// Map returns what this ledger holds, without pending records.
func (l *Ledger) Map() Map {
	out := make(Map, 0, len(l.ids))
	for _, id := range l.ids {
		out = append(out, MapEntry{id, l.entries[id].bits()})
	}
	return out
}

// MapOf returns the part of Map about some proposals.
func (l *Ledger) MapOf(ids ...ID) Map {
	var out Map
	for _, id := range ids {
		if e := l.entries[id]; e != nil {
			out = append(out, MapEntry{id, e.bits()})
		}
	}
	slices.SortFunc(out, func(a, b MapEntry) int { return a.Proposal.Compare(b.Proposal) })
	return out
}

// Hash returns the hash of Map, which is equal at two peers that hold the same records. Rule 10
// defines it.
func (l *Ledger) Hash() [32]byte {
	if !l.hashStale {
		return l.hash
	}
	h := sha256.New()
	h.Write([]byte("p2pchat/1/votes\x00"))
	var room [len(ID{}) + 2 + (2*MaxRoll+8)/8]byte
	for _, id := range l.ids {
		out := append(room[:0], id[:]...)
		e := l.entries[id]
		out = binary.BigEndian.AppendUint16(out, uint16((2*len(e.p.Roll)+8)/8))
		h.Write(e.appendBits(out))
	}
	h.Sum(l.hash[:0])
	l.hashStale = false
	return l.hash
}

func (e *entry) bits() []byte { return e.appendBits(make([]byte, 0, (2*len(e.p.Roll)+8)/8)) }

func (e *entry) appendBits(out []byte) []byte {
	n, from := len(e.p.Roll), len(out)
	for i := 0; i < n; i += 4 {
		out = append(out, spread(byte(e.approve[i/64]>>(i%64))&15)|spread(byte(e.reject[i/64]>>(i%64))&15)<<1)
	}
	if n%4 == 0 {
		out = append(out, 0)
	}
	if e.cancelled {
		out[from+n/4] |= 1 << (2 * n % 8)
	}
	return out
}

// spread moves the low 4 bits to the even places of a byte.
func spread(b byte) byte { return b&1 | b&2<<1 | b&4<<2 | b&8<<3 }

func bit(bits []byte, i int) bool { return i/8 < len(bits) && bits[i/8]>>(i%8)&1 != 0 }

// ListMissing returns the request for the sender of theirs: an entry for each proposal of which the
// sender holds something that this ledger lacks, with the bits of this ledger.
//
// A map that lies only makes the local peer ask in vain. ListMissing ignores entries that don't
// ascend, and bits beyond the roll.
func (l *Ledger) ListMissing(theirs Map) Map {
	var out Map
	var last ID
	for _, h := range theirs {
		if h.Proposal.Compare(last) <= 0 {
			continue
		}
		last = h.Proposal
		e := l.entries[h.Proposal]
		if e == nil {
			out = append(out, MapEntry{Proposal: h.Proposal})
			continue
		}
		mine := e.bits()
		for i := range 2*len(e.p.Roll) + 1 {
			if bit(h.Bits, i) && !bit(mine, i) {
				out = append(out, MapEntry{h.Proposal, mine})
				break
			}
		}
	}
	return out
}

// ListRequested returns the records that answer a request of ListMissing: of each known proposal,
// all that the requester lacks. Passed proposals come first, because a newcomer has to apply them.
// Unknown proposals are left out.
func (l *Ledger) ListRequested(asked Map) []Ref {
	var first, then []Ref
	var last ID
	for _, h := range asked {
		e := l.entries[h.Proposal]
		if e == nil || h.Proposal.Compare(last) <= 0 {
			continue
		}
		last = h.Proposal
		if e.tally.State == Passed {
			first = e.answer(h.Bits, first)
		} else {
			then = e.answer(h.Bits, then)
		}
	}
	return append(first, then...)
}

func (e *entry) answer(have []byte, out []Ref) []Ref {
	if len(have) == 0 {
		out = append(out, e.p.Ref())
	}
	for i, k := range e.p.Roll {
		for _, c := range []Choice{Approve, Reject} {
			if e.at(i)&c != 0 && !bit(have, 2*i+int(c)-1) {
				out = append(out, Ballot{Proposal: e.p.ID, Voter: k, Choice: c}.Ref())
			}
		}
	}
	if e.cancelled && !bit(have, 2*len(e.p.Roll)) {
		out = append(out, Cancel{Proposal: e.p.ID, By: e.p.Author}.Ref())
	}
	return out
}
