package store

import (
	"encoding/binary"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Stub stands for a run of records whose bodies are not kept: From to To of a feed, both included.
type Stub struct {
	Room     record.RoomID
	Key      record.FeedKey
	From, To uint64
	ID       record.ID // the id of the record at To, as the record after it names it
	Arrived  time.Time // to the millisecond
}

// StubOf returns the stub that takes an entry's place.
func StubOf(e Entry) Stub {
	seq := e.Record.Seq()
	return Stub{Room: e.Record.Body().Room, Key: e.Record.FeedKey(), From: seq, To: seq, ID: e.Record.ID(), Arrived: e.Arrived}
}

// covers reports whether the record at seq is one of those that s stands for.
func (s *Stub) covers(seq uint64) bool { return s.From <= seq && seq <= s.To }

// raw returns the stub as ReadRange returns it.
func (s Stub) raw() RawEntry {
	return RawEntry{Key: OrderKey{Author: s.Key.Author, Feed: s.Key.Feed, Seq: s.To}, Arrived: s.Arrived, Stub: &s}
}

// split returns what is left of a stub below and above a record that it stood for; nil for nothing. The record
// names the id of the one before it.
func (s *Stub) split(r *record.Record) (below, above *Stub) {
	if seq := r.Seq(); seq > s.From {
		b := *s
		b.To, b.ID = seq-1, r.Prev()
		below = &b
	}
	if seq := r.Seq(); seq < s.To {
		a := *s
		a.From = seq + 1
		above = &a
	}
	return below, above
}

// stubSize is the length of an encoded stub's content (see the package comment).
const stubSize = 16 + 32 + 8 + 8 + 8 + 32

// encodeStub returns a stub's value. It says which feed it belongs to, as a record's body does, so that recovery
// finds its place again.
func encodeStub(at []byte, s *Stub) []byte {
	v := append(beginEncoded(tagStub, stubSize), s.Room[:]...)
	v = append(v, s.Key.Author.Bytes()...)
	for _, n := range []uint64{uint64(s.Key.Feed), s.From, uint64(s.Arrived.UnixMilli())} {
		v = binary.BigEndian.AppendUint64(v, n)
	}
	return addChecksum(at, append(v, s.ID[:]...))
}

// isStub reports whether a value is a stub's, without a look at the checksum.
func isStub(value []byte) bool { return len(value) > 4 && value[4] == tagStub }

// decodeStub reads what encodeStub wrote; false if it is something else.
func decodeStub(at, value []byte) (s Stub, ok bool) {
	v, ok := verifyChecksum(tagStub, at, value)
	if !ok || len(v) != stubSize || len(at) != 12 {
		return Stub{}, false
	}
	author, err := identity.KeyFromBytes(v[16:48])
	if err != nil {
		return Stub{}, false
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(v[i:]) }
	s = Stub{
		Room: record.RoomID(v[:16]), Key: record.FeedKey{Author: author, Feed: record.Feed(n(48))},
		From: n(56), To: binary.BigEndian.Uint64(at[4:]), ID: record.ID(v[72:]),
		Arrived: time.UnixMilli(int64(n(64))),
	}
	return s, s.From <= s.To
}

// arrivalOfStub returns when a stub arrived, without a look at the checksum.
func arrivalOfStub(value []byte) int64 {
	if len(value) != encodedHead+stubSize {
		return 0
	}
	return int64(binary.BigEndian.Uint64(value[encodedHead+64:]))
}

// wantsStub reports whether a feed goes on with a stub, whose From it moves to the feed's end.
func (l *ledger) wantsStub(s *Stub) (bool, error) {
	f := l.feeds[s.Key]
	if _, cold := l.coldNumber(s.Key); f == nil && cold {
		return false, ErrGap
	}
	switch {
	case f == nil:
		return true, nil
	case s.To < f.end() || f.forked && s.To >= f.next:
		return false, nil
	case s.From > f.end():
		return false, ErrGap
	}
	s.From = f.end()
	return true, nil
}

// addStub counts the records of a stub as held. Its From is the feed's end, or the feed is new.
func (l *ledger) addStub(s *Stub) { l.findOrAdd(s.Key, s.From).addStub(s) }

func (f *feed) addStub(s *Stub) {
	if s.To < f.end() || f.forked && s.To >= f.next {
		return
	}
	f.head = s.ID
	if f.hole != noHole {
		f.hole = s.To + 1
	}
	if f.next = max(f.next, s.To+1); f.hole >= f.next {
		f.hole = noHole
	}
	f.arrived = max(f.arrived, s.Arrived.UnixMilli())
}

// overlay puts records that wait for the disk into their places among stubs, as Fill does on disk.
func overlay(out []RawEntry, waiting []*Entry) []RawEntry {
	for _, e := range waiting {
		for i, r := range out {
			if r.Stub == nil || !r.Stub.covers(e.Record.Seq()) {
				continue
			}
			below, above := r.Stub.split(e.Record)
			tail := append([]RawEntry(nil), out[i+1:]...)
			if out = out[:i:i]; below != nil {
				out = append(out, below.raw())
			}
			if out = append(out, rawEntryOf(*e)); above != nil {
				out = append(out, above.raw())
			}
			out = append(out, tail...)
			break
		}
	}
	return out
}
