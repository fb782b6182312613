package record

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"

	"golang.org/x/text/unicode/norm"
)

// RoomID names a room: 16 bytes, 32 hex digits as text.
type RoomID [16]byte

// OpenRoom returns the id of the open room of that name. It brings the name to Unicode NFC first,
// so that "é" typed on two keyboards is one room.
func OpenRoom(name string) RoomID {
	sum := sha256.Sum256([]byte("p2pchat/1/open-room\x00" + norm.NFC.String(name)))
	return RoomID(sum[:16])
}

// String returns the id in lower-case hex.
func (r RoomID) String() string { return hex.EncodeToString(r[:]) }

// MarshalText returns what String returns.
func (r RoomID) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts exactly what MarshalText returns.
func (r *RoomID) UnmarshalText(text []byte) error { return unhex(r[:], text) }

// ID is a record's id: 32 bytes, 64 hex digits as text.
type ID [32]byte

// String returns the id in lower-case hex.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// MarshalText returns what String returns.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText accepts exactly what MarshalText returns.
func (i *ID) UnmarshalText(text []byte) error { return unhex(i[:], text) }

// Head returns the first 8 bytes, as frontiers carry them (see package wire).
func (i ID) Head() uint64 { return binary.BigEndian.Uint64(i[:8]) }

// Feed names one run of the program in one room, together with its author; 16 hex digits as text.
// Zero is "outside any feed".
type Feed uint64

// NewFeed returns a feed that begins at a time, in milliseconds since 1970: the time, then 16 random bits. It is never
// zero. Feeds of one moment may be equal, so the caller must leave out those that it knows. Earlier programs numbered
// feeds at random, and those numbers stay valid.
func NewFeed(ms int64) Feed {
	var b [2]byte
	for {
		rand.Read(b[:]) // never fails (crypto/rand)
		if f := Feed(max(ms, 0))<<16 | Feed(binary.BigEndian.Uint16(b[:])); f != 0 {
			return f
		}
	}
}

// String returns the feed as 16 hex digits in lower case.
func (f Feed) String() string { return fmt.Sprintf("%016x", uint64(f)) }

// MarshalText returns what String returns.
func (f Feed) MarshalText() ([]byte, error) { return appendFeed(nil, f), nil }

// UnmarshalText accepts exactly what MarshalText returns.
func (f *Feed) UnmarshalText(text []byte) error {
	var b [8]byte
	if err := unhex(b[:], text); err != nil {
		return err
	}
	*f = Feed(binary.BigEndian.Uint64(b[:]))
	return nil
}

func unhex(out, text []byte) error {
	if len(text) != hex.EncodedLen(len(out)) {
		return fmt.Errorf("%d hex digits expected, not %d", hex.EncodedLen(len(out)), len(text))
	}
	if _, err := hex.Decode(out, text); err != nil {
		return err
	}
	if !bytes.Equal(hex.AppendEncode(nil, out), text) {
		return fmt.Errorf("hex digits in lower case expected")
	}
	return nil
}

// ErrOtherRoom refuses a record of another room than the one it was given for.
var ErrOtherRoom = errors.New("record belongs to another room")

// FeedKey names a feed among those of all authors: any author may use any Feed number.
type FeedKey struct {
	Author identity.Key
	Feed   Feed
}

// Compare orders feed keys by author, then by feed.
func (k FeedKey) Compare(other FeedKey) int {
	return cmp.Or(k.Author.Compare(other.Author), cmp.Compare(k.Feed, other.Feed))
}

// FeedKey returns the key of the feed that the record is in.
func (r *Record) FeedKey() FeedKey { return FeedKey{Author: r.Author(), Feed: r.Feed()} }

// Time is a stamp of a hybrid logical clock (rule 8). It follows the wall clock. Even with wrong
// wall clocks it orders an author's records, and puts them after the records that the author had
// received. As JSON it is [ms, n].
type Time struct {
	Ms int64 // milliseconds since 1970
	N  int64 // tells stamps of one millisecond apart
}

// Compare orders by Ms, then N.
func (t Time) Compare(other Time) int {
	return cmp.Or(cmp.Compare(t.Ms, other.Ms), cmp.Compare(t.N, other.N))
}

// MarshalJSON returns [ms,n].
func (t Time) MarshalJSON() ([]byte, error) { return appendTime(nil, t), nil }

// UnmarshalJSON reads [ms,n].
func (t *Time) UnmarshalJSON(text []byte) error {
	var pair []int64
	if err := json.Unmarshal(text, &pair); err != nil {
		return fmt.Errorf("time: %w", err)
	}
	if len(pair) != 2 {
		return fmt.Errorf("time is [ms, counter]")
	}
	t.Ms, t.N = pair[0], pair[1]
	return nil
}

// Compare orders records by time, author, feed and seq, then by id: the order of store and export,
// the same at every peer.
func Compare(a, b *Record) int {
	return cmp.Or(
		a.Time().Compare(b.Time()),
		a.Author().Compare(b.Author()),
		cmp.Compare(a.Feed(), b.Feed()),
		cmp.Compare(a.Seq(), b.Seq()),
		bytes.Compare(a.c.id[:], b.c.id[:]),
	)
}
