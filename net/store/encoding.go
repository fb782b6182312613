package store

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// An encoded value begins with a CRC-32C of its key and the rest, and a tag for its content (see
// the package comment). A flipped bit in key or value fails the checksum. The tag tells what a
// value is wherever its page turns up (recover.go).
const (
	encodedHead = 5
	tagRecord   = 'r'
	tagStub     = 's'
	tagFeed     = 'f'
	tagValue    = 'k'
	tagSchema   = 'm'
)

// maxEncoded is the length of the longest encoded value.
const maxEncoded = maxValueSize + 64

// checksum returns the checksum of a value under a key. MakeTable builds its table once, and uses
// the CPU's CRC instructions.
func checksum(key, rest []byte) uint32 {
	t := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, t), t, rest)
}

// beginEncoded returns the beginning of an encoded value, with space for the checksum.
func beginEncoded(kind byte, size int) []byte {
	return append(make([]byte, 4, encodedHead+size), kind)
}

// addChecksum fills in the checksum.
func addChecksum(key, value []byte) []byte {
	binary.BigEndian.PutUint32(value, checksum(key, value[4:]))
	return value
}

// verifyChecksum returns the content of a value; false if the checksum or the tag is wrong.
func verifyChecksum(kind byte, key, value []byte) ([]byte, bool) {
	if len(value) < encodedHead || len(value) > maxEncoded || value[4] != kind ||
		binary.BigEndian.Uint32(value) != checksum(key, value[4:]) {
		return nil, false
	}
	return value[encodedHead:], true
}

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

// recordKey returns the key of a record in its bucket.
func recordKey(num uint32, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, 12), num), seq)
}

// splitRecordKey reads what recordKey returned; false if it is something else.
func splitRecordKey(at []byte) (num uint32, seq uint64, ok bool) {
	if len(at) != 12 {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(at), binary.BigEndian.Uint64(at[4:]), true
}

// recordHead is the length between the tag of a record and its name: flags, length of the name,
// arrival, signature.
const recordHead = 1 + 1 + 8 + 64

func encodeEntry(at []byte, e *Entry) []byte {
	body, name := e.Record.Signed(), e.Name[:min(len(e.Name), math.MaxUint8)]
	v := beginEncoded(tagRecord, recordHead+len(name)+len(body))
	flags := byte(0)
	if e.Live {
		flags = 1
	}
	v = append(v, flags, byte(len(name)))
	v = binary.BigEndian.AppendUint64(v, uint64(e.Arrived.UnixMilli()))
	v = append(append(append(v, e.Record.Signature()...), name...), body...)
	return addChecksum(at, v)
}

// bodyOf returns the body in a record's value, in place, without a look at the checksum.
func bodyOf(value []byte) []byte {
	if len(value) < encodedHead+recordHead {
		return nil
	}
	return value[min(len(value), encodedHead+recordHead+int(value[encodedHead+1])):]
}

// arrivalOf returns when a record arrived, without a look at the checksum.
// A stub has no other time, as if it was live.
func arrivalOf(value []byte) (ms int64, live bool) {
	if isStub(value) {
		return arrivalOfStub(value), true
	}
	if len(value) < encodedHead+recordHead {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(value[encodedHead+2:])), value[encodedHead]&1 != 0
}

// decodeRecord copies a record out of its value, all but the key; false if the checksum is wrong.
func decodeRecord(at, value []byte) (r RawEntry, ok bool) {
	v, ok := verifyChecksum(tagRecord, at, value)
	if !ok || len(v) < recordHead+int(v[1]) {
		return RawEntry{}, false
	}
	r.Live = v[0]&1 != 0
	r.Arrived = time.UnixMilli(int64(binary.BigEndian.Uint64(v[2:])))
	r.Sig = [64]byte(v[10:])
	r.Name = string(v[recordHead : recordHead+int(v[1])])
	r.Body = string(v[recordHead+int(v[1]):])
	return r, true
}

// decodeClaim decodes a record and parses its body; false if either fails.
func decodeClaim(at, value []byte) (RawEntry, *record.Claim, bool) {
	r, ok := decodeRecord(at, value)
	if !ok {
		return r, nil, false
	}
	c, err := record.Parse(r.Body, r.Sig[:])
	return r, c, err == nil
}

// matchesKey reports whether a record belongs to the room and to its key. It compares the
// beginning of the body as it must be, at a tenth of the cost of parsing.
func matchesKey(room record.RoomID, r RawEntry) bool {
	var buf [256]byte
	b := hex.AppendEncode(append(buf[:0], `{"v":1,"room":"`...), room[:])
	b, _ = r.Key.Author.AppendText(append(b, `","author":"`...)) // never fails
	b = hex.AppendEncode(append(b, `","feed":"`...), binary.BigEndian.AppendUint64(nil, uint64(r.Key.Feed)))
	b = append(strconv.AppendUint(append(b, `","seq":`...), r.Key.Seq, 10), `,"prev":"`...)
	rest, ok := strings.CutPrefix(r.Body, string(b))
	if !ok || len(rest) < 64 {
		return false
	}
	b = append(strconv.AppendInt(append(b[:0], `","time":[`...), r.Key.Time.Ms, 10), ',')
	b = append(strconv.AppendInt(b, r.Key.Time.N, 10), ']')
	return strings.HasPrefix(rest[64:], string(b))
}

// feedHead is the length of an encoded feed's content without its name.
const feedHead = 32 + 8 + 3*8 + 32 + 3*8 + 1

func encodeFeed(at []byte, key record.FeedKey, f *feed) []byte {
	v := beginEncoded(tagFeed, feedHead+len(f.name))
	v = append(v, key.Author.Bytes()...)
	for _, n := range []uint64{uint64(key.Feed), f.floor, f.next, f.hole} {
		v = binary.BigEndian.AppendUint64(v, n)
	}
	v = append(v, f.head[:]...)
	for _, n := range []int64{f.time.Ms, f.time.N, f.arrived} {
		v = binary.BigEndian.AppendUint64(v, uint64(n))
	}
	forked := byte(0)
	if f.forked {
		forked = 1
	}
	return addChecksum(at, append(append(v, forked), f.name...))
}

func decodeFeed(at, value []byte) (key record.FeedKey, f *feed, ok bool) {
	v, ok := verifyChecksum(tagFeed, at, value)
	if !ok || len(at) != 4 || len(v) < feedHead {
		return record.FeedKey{}, nil, false
	}
	author, err := identity.KeyFromBytes(v[:32])
	if err != nil {
		return record.FeedKey{}, nil, false
	}
	n := func(i int) uint64 { return binary.BigEndian.Uint64(v[i:]) }
	key = record.FeedKey{Author: author, Feed: record.Feed(n(32))}
	f = &feed{
		number: binary.BigEndian.Uint32(at), floor: n(40), next: n(48), hole: n(56), head: record.ID(v[64:96]),
		time: record.Time{Ms: int64(n(96)), N: int64(n(104))}, arrived: int64(n(112)),
		forked: v[120] != 0, name: string(v[feedHead:]),
	}
	return key, f, true
}
