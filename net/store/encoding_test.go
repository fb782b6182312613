package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// layOut encodes a value as the package comment says, from a tag and hex for its content.
func layOut(t *testing.T, key []byte, tag byte, content ...string) []byte {
	t.Helper()
	rest := []byte{tag}
	for _, part := range content {
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		rest = append(rest, b...)
	}
	sum := crc32.Checksum(append(slices.Clone(key), rest...), crc32.MakeTable(crc32.Castagnoli))
	return append(binary.BigEndian.AppendUint32(nil, sum), rest...)
}

// The bytes in the file are those of the package comment: earlier and later versions read them.
func TestFileFormat(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	s := newSpeaker(1, 0x0102030405060708)
	entries := []Entry{s.say("", start), s.say("hello", start.Add(time.Second))}
	entries[1].Live = false
	appendAll(t, d, entries)
	if err := d.Put("votes/x", []byte{0xaa, 0xbb}, []byte("yes")); err != nil {
		t.Fatal(err)
	}
	d.EndFeedAt(s.key(), 2, record.ID{})
	settle(t, d)

	author := hex.EncodeToString(s.id.Key().Bytes())
	name := hex.EncodeToString([]byte("name1"))
	const ms0, ms1 = "0000019f1d8ce200", "0000019f1d8ce5e8" // 2026-07-01 12:00:00 and :01
	recordAt := func(key, flags, ms string, e Entry) (string, string) {
		return key, flags + "05" + ms + hex.EncodeToString(e.Record.Signature()) + name + hex.EncodeToString([]byte(e.Record.Signed()))
	}
	type row struct {
		bucket   string
		key      string // hex
		tag      byte
		contents string // hex; "" for an empty value
	}
	room := string(lobby[:])
	key0, content0 := recordAt("00000001 0000000000000000", "01", ms0, entries[0])
	key1, content1 := recordAt("00000001 0000000000000001", "00", ms1, entries[1])
	head := entries[1].Record.ID()
	rows := []row{
		{"meta", hex.EncodeToString([]byte("schema")), 'm', "00000001"},
		{"r" + room, key0, 'r', content0},
		{"r" + room, key1, 'r', content1},
		{"o" + room, ms0 + "0000000000000000" + author + "0102030405060708 0000000000000000", 0, ""},
		{"o" + room, ms1 + "0000000000000000" + author + "0102030405060708 0000000000000001", 0, ""},
		{"f" + room, "00000001", 'f', author + "0102030405060708 0000000000000000 0000000000000002 ffffffffffffffff" +
			hex.EncodeToString(head[:]) + ms1 + "0000000000000000" + ms1 + "01" + name},
	}
	if err := d.file.transact(false, func(tx *bolt.Tx) error {
		for _, r := range rows {
			key, err := hex.DecodeString(strings.ReplaceAll(r.key, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			var want []byte
			if r.tag != 0 {
				want = layOut(t, key, r.tag, r.contents)
			}
			got := tx.Bucket([]byte(r.bucket)).Get(key)
			if got == nil || !bytes.Equal(got, want) {
				t.Errorf("%q %s:\n%x, want\n%x", r.bucket[:1], r.key, got, want)
			}
		}
		// The value's number is the transaction's.
		key := append([]byte("\x07votes/x"), 0xaa, 0xbb)
		got := tx.Bucket([]byte("kv")).Get(key)
		if len(got) != 16 || !bytes.Equal(got, layOut(t, key, 'k', hex.EncodeToString(got[5:13]), hex.EncodeToString([]byte("yes")))) {
			t.Errorf("kv: %x", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A flipped bit in a key or a value makes it unreadable, and so does another tag.
func TestDecodeRefusesDamage(t *testing.T) {
	e := newSpeaker(1, 1).say("", start)
	key := recordKey(1, 0)
	value := encodeEntry(key, &e)
	if r, ok := decodeRecord(key, value); !ok || r.Body != e.Record.Signed() || r.Name != e.Name || !r.Arrived.Equal(e.Arrived) || !r.Live {
		t.Fatalf("decoded %+v, %v", r, ok)
	}
	for _, b := range [][]byte{key, value} {
		for i := range b {
			b[i] ^= 4
			if _, ok := decodeRecord(key, value); ok {
				t.Errorf("byte %d of %d: read nevertheless", i, len(b))
			}
			b[i] ^= 4
		}
	}
	feedKey := []byte{0, 0, 0, 1}
	state := encodeFeed(feedKey, e.Record.FeedKey(), &feed{number: 1, next: 1, hole: noHole, name: "x"})
	if _, ok := decodeRecord(feedKey, state); ok {
		t.Error("a feed was read as a record")
	}
	for n := range state {
		if _, _, ok := decodeFeed(feedKey, state[:n]); ok {
			t.Errorf("%d of %d bytes were read", n, len(state))
		}
	}
	if _, f, ok := decodeFeed(feedKey, state); !ok || f.next != 1 || f.hole != noHole || f.name != "x" {
		t.Errorf("decoded %+v, %v", f, ok)
	}
	at, short := valueKey("votes", []byte("k")), []byte{9, 'v'}
	if n, data, ok := decodeValue(at, encodeValue(at, 7, []byte("data"))); !ok || n != 7 || string(data) != "data" {
		t.Errorf("decoded %d, %q, %v", n, data, ok)
	}
	if _, _, ok := decodeValue(short, encodeValue(short, 7, nil)); ok {
		t.Error("a key that is shorter than its name was read")
	}
}

// Encoded keys sort as the keys do, and come back as they were.
func TestOrderKeyEncoding(t *testing.T) {
	a, b := newSpeaker(1, 1).id.Key(), newSpeaker(2, 1).id.Key()
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	keys := []OrderKey{
		{Time: record.Time{Ms: 1, N: 300}, Author: b, Feed: 9, Seq: 9},
		{Time: record.Time{Ms: 2}, Author: b, Feed: 9, Seq: 9},
		{Time: record.Time{Ms: 2, N: 1}, Author: a, Feed: 9, Seq: 9},
		{Time: record.Time{Ms: 2, N: 1}, Author: b, Feed: 1, Seq: 9},
		{Time: record.Time{Ms: 2, N: 1}, Author: b, Feed: 256, Seq: 1},
		{Time: record.Time{Ms: 2, N: 1}, Author: b, Feed: 256, Seq: 1 << 40},
	}
	for i, k := range keys {
		if got, ok := decodeOrderKey(k.encode()); !ok || got != k {
			t.Errorf("%+v came back as %+v, %v", k, got, ok)
		}
		if i > 0 && (keys[i-1].Compare(k) >= 0 || bytes.Compare(keys[i-1].encode(), k.encode()) >= 0) {
			t.Errorf("key %d doesn't sort behind the one before", i)
		}
	}
	good := keys[0].encode()
	negative := slices.Clone(good)
	negative[0] = 0x80
	for _, b := range [][]byte{nil, good[:63], append(slices.Clone(good), 0), negative, make([]byte, orderKeySize)} {
		if k, ok := decodeOrderKey(b); ok {
			t.Errorf("%x was read as %+v", b, k)
		}
	}
}
