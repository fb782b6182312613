package vote

import (
	"crypto/sha256"
	"encoding/binary"
)

// MapEntry is a line of a Map: which records about one proposal its sender holds. Of the bits, the
// lowest of a byte first, 2i is the approval of the voter at place i of the roll, 2i+1 his reject,
// and 2N the author's cancel. In a request, no bits at all mean that the proposal itself is lacking.
type MapEntry struct {
	Proposal ID     `json:"proposal"`
	Bits     []byte `json:"bits"`
}

// Map says which vote records somebody holds (rule 10), the proposals strictly ascending.
type Map []MapEntry

// Map is what this book holds. Pending records are not in it.
func (l *Ledger) Map() Map {
	out := make(Map, 0, len(l.ids))
	for _, id := range l.ids {
		out = append(out, MapEntry{id, l.entries[id].bits()})
	}
	return out
}

// Hash is the hash of Map, equal at two peers that hold the same: SHA-256 of "p2pchat/1/votes\x00",
// then for each proposal its id (32 bytes), the number of its bytes of bits (2 bytes, big-endian),
// and these.
func (l *Ledger) Hash() [32]byte {
	if !l.hashOld {
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
	l.hashOld = false
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

// spread puts 4 bits on the even places of a byte.
func spread(b byte) byte { return b&1 | b&2<<1 | b&4<<2 | b&8<<3 }

func bit(bits []byte, i int) bool { return i/8 < len(bits) && bits[i/8]>>(i%8)&1 != 0 }

// ListMissing is what to ask the sender of theirs for: a line for each proposal of which it holds
// something that this book doesn't, with the bits that this book has. A map that lies only makes
// us ask for what doesn't come; lines that don't ascend and bits beyond the roll are ignored.
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

// Answer is the records to send to whoever asked with what ListMissing gave: of each proposal that this
// book knows all that the asker doesn't have. Proposals that have passed come first, since it is
// they that a newcomer has to obey. Unknown ones are left out.
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
