package store

import (
	"cmp"
	"encoding/binary"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// OrderKey is a record's place in the order of all records: time, author, feed, seq. It is
// comparable.
type OrderKey struct {
	Time   record.Time
	Author identity.Key
	Feed   record.Feed
	Seq    uint64
}

// OrderKeyOf returns a record's place.
func OrderKeyOf(r *record.Record) OrderKey {
	return OrderKey{Time: r.Time(), Author: r.Author(), Feed: r.Feed(), Seq: r.Seq()}
}

func orderKeyOfBody(b record.Body) OrderKey {
	return OrderKey{Time: b.Time, Author: b.Author, Feed: b.Feed, Seq: b.Seq}
}

// Compare orders keys as record.Compare orders records.
func (k OrderKey) Compare(other OrderKey) int {
	return cmp.Or(
		k.Time.Compare(other.Time),
		k.Author.Compare(other.Author),
		cmp.Compare(k.Feed, other.Feed),
		cmp.Compare(k.Seq, other.Seq),
	)
}

// IsZero reports whether k is the zero OrderKey, which no record has.
func (k OrderKey) IsZero() bool { return k == OrderKey{} }

func (k OrderKey) feed() record.FeedKey { return record.FeedKey{Author: k.Author, Feed: k.Feed} }

// orderKeySize is the length of an encoded OrderKey. Encoded keys sort as Compare does.
const orderKeySize = 64

func (k OrderKey) encode() []byte {
	b := make([]byte, 0, orderKeySize)
	b = binary.BigEndian.AppendUint64(b, uint64(k.Time.Ms))
	b = binary.BigEndian.AppendUint64(b, uint64(k.Time.N))
	b = append(b, k.Author.Bytes()...)
	b = binary.BigEndian.AppendUint64(b, uint64(k.Feed))
	return binary.BigEndian.AppendUint64(b, k.Seq)
}

// decodeOrderKey reads what encode wrote; false if it is something else.
func decodeOrderKey(b []byte) (OrderKey, bool) {
	if len(b) != orderKeySize {
		return OrderKey{}, false
	}
	author, err := identity.KeyFromBytes(b[16:48])
	if err != nil {
		return OrderKey{}, false
	}
	k := OrderKey{
		Time:   record.Time{Ms: int64(binary.BigEndian.Uint64(b)), N: int64(binary.BigEndian.Uint64(b[8:]))},
		Author: author,
		Feed:   record.Feed(binary.BigEndian.Uint64(b[48:])),
		Seq:    binary.BigEndian.Uint64(b[56:]),
	}
	return k, k.Time.Ms >= 0 && k.Time.N >= 0
}
