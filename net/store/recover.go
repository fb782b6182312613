package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// maxLeaf limits the overflow pages of one leaf: two values of the greatest size fit.
const maxLeaf = 1024

// anyCount is more elements than fit in any page.
const anyCount = 1 << 16

// scanElements reads a damaged file page by page, whatever its structure says, and calls f with all
// that may be elements of a leaf. Keys and values may be garbage, and old versions turn up again. f
// must copy what it keeps.
func scanElements(r io.ReaderAt, size int64, f func(key, value []byte) error) error {
	page := int64(4096)
	if m, _, err := readMeta(r, size); err == nil {
		page = int64(m.pageSize)
	}
	var failed error
	visit := func(_ uint32, key, value []byte) {
		if failed == nil {
			failed = f(key, value)
		}
	}
	visitAll := func(_ uint32, key, value []byte) {
		visit(0, key, value)
		if len(value) > 16+pageHead { // a small bucket lies inside its element
			forEachElement(value[16:], anyCount, visit)
		}
	}
	head := make([]byte, pageHead)
	// Headers may have a wrong number of elements, so checksums decide which elements are real.
	for at := int64(0); at+pageHead <= size && failed == nil; at += page {
		if _, err := r.ReadAt(head, at); err != nil {
			continue // a bad sector; the next may be good
		}
		pages := min(int64(le.Uint32(head[12:])), maxLeaf)
		b := make([]byte, min((pages+1)*page, size-at))
		if _, err := r.ReadAt(b, at); err != nil {
			b = b[:min(page, size-at)]
			if _, err := r.ReadAt(b, at); err != nil {
				continue
			}
		}
		forEachElement(b, anyCount, visitAll)
	}
	return failed
}

// recoverFrom copies what is readable of a damaged file, of all rooms, to a new file. It checks
// checksums only: readers verify signatures. It returns the number of records.
func recoverFrom(f *boltFile, aside string) (recovered int, err error) {
	if err := checkRegular(aside); err != nil {
		return 0, nil // nothing to recover
	}
	old, err := os.Open(aside)
	if err != nil {
		return 0, err
	}
	defer old.Close()
	info, err := old.Stat()
	if err != nil {
		return 0, err
	}
	s := &recoverer{file: f, numbers: map[roomFeed]uint32{}, last: map[record.RoomID]uint32{},
		forkedAt: map[record.FeedKey]uint64{}, values: map[string]recoveredValue{}}
	err = scanElements(old, info.Size(), s.addElement)
	if err == nil {
		err = s.flush()
	}
	if err != nil {
		return s.count, fmt.Errorf("take over from %s: %w", aside, err)
	}
	return s.count, s.finish()
}

type roomFeed struct {
	room record.RoomID
	key  record.FeedKey
}

type recoveredValue struct {
	number uint64
	data   []byte
}

// recoveredRecord is a record to copy.
type recoveredRecord struct {
	room  record.RoomID
	key   OrderKey
	value []byte // encoded for its new key
	at    []byte
}

type recoverer struct {
	file     *boltFile
	numbers  map[roomFeed]uint32
	last     map[record.RoomID]uint32
	forkedAt map[record.FeedKey]uint64 // the ends of forked feeds
	values   map[string]recoveredValue
	buf      []recoveredRecord
	size     int
	count    int
}

// addElement finds out what an element is, and collects it.
func (s *recoverer) addElement(key, value []byte) error {
	if _, c, ok := decodeClaim(key, value); ok && len(key) == 12 {
		return s.addRecord(c.Body(), value)
	}
	if stub, ok := decodeStub(key, value); ok {
		return s.addAt(stub.Room, OrderKey{Author: stub.Key.Author, Feed: stub.Key.Feed, Seq: stub.To}, value)
	}
	if k, f, ok := decodeFeed(key, value); ok && f.forked {
		s.forkedAt[k] = f.next // an author's feeds in two rooms hardly ever have one number
		return nil
	}
	if number, data, ok := decodeValue(key, value); ok {
		if had, any := s.values[string(key)]; !any || number >= had.number {
			s.values[string(key)] = recoveredValue{number, data}
		}
	}
	return nil
}

func (s *recoverer) addRecord(body record.Body, value []byte) error {
	return s.addAt(body.Room, orderKeyOfBody(body), value)
}

// addAt collects what stands at a place of a feed: a record, or the stub that ends there.
func (s *recoverer) addAt(room record.RoomID, key OrderKey, value []byte) error {
	rf := roomFeed{room, key.feed()}
	num, ok := s.numbers[rf]
	if !ok {
		s.last[rf.room]++
		num = s.last[rf.room]
		s.numbers[rf] = num
	}
	at := recordKey(num, key.Seq)
	s.buf = append(s.buf, recoveredRecord{room, key, addChecksum(at, bytes.Clone(value)), at})
	if s.size += len(value); s.size > maxCommitBytes {
		return s.flush()
	}
	return nil
}

// flush writes the collected records.
func (s *recoverer) flush() error {
	added := 0
	err := s.file.transact(true, func(tx *bolt.Tx) error {
		added = 0
		for _, f := range s.buf {
			records, err := tx.CreateBucketIfNotExists(bucketName('r', f.room))
			if err != nil {
				return err
			}
			order, err := tx.CreateBucketIfNotExists(bucketName('o', f.room))
			if err != nil {
				return err
			}
			had, stub := records.Get(f.at), isStub(f.value)
			if had != nil && (stub || !isStub(had)) {
				continue // a copy from an old page
			}
			if err := records.Put(f.at, f.value); err != nil {
				return err
			}
			if stub {
				err = raiseSchema(tx)
			} else {
				err = order.Put(f.key.encode(), nil)
				added++
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.buf, s.size, s.count = s.buf[:0], 0, s.count+added
	}
	return err
}

// finish writes the feeds' states and the values.
func (s *recoverer) finish() error {
	return s.file.transact(true, func(tx *bolt.Tx) error {
		for rf, num := range s.numbers {
			records := tx.Bucket(bucketName('r', rf.room))
			feeds, err := tx.CreateBucketIfNotExists(bucketName('f', rf.room))
			if err != nil {
				return err
			}
			f := rebuildFeed(records, num)
			if end, forked := s.forkedAt[rf.key]; forked {
				f.endAt(end) // hides records at the fork and behind it
			}
			at := binary.BigEndian.AppendUint32(nil, num)
			if err := feeds.Put(at, encodeFeed(at, rf.key, f)); err != nil {
				return err
			}
		}
		values := tx.Bucket(bucketValues)
		for key, b := range s.values {
			at := []byte(key)
			if err := values.Put(at, encodeValue(at, uint64(tx.ID()), b.data)); err != nil {
				return err
			}
		}
		return nil
	})
}

// rebuildFeed derives a feed's state from its records: the chain from the first record on, and a
// hole where the chain breaks.
func rebuildFeed(records *bolt.Bucket, num uint32) *feed {
	f := &feed{number: num, hole: noHole}
	c := records.Cursor()
	prefix := recordKey(num, 0)[:4]
	any := false
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if s, ok := decodeStub(k, v); ok {
			if !any {
				f.floor, f.next, any = s.From, s.From, true
			}
			if f.hole == noHole && s.From > f.next {
				f.hole = f.next
			}
			if f.hole == noHole {
				f.head = s.ID
			}
			f.next, f.arrived = s.To+1, max(f.arrived, s.Arrived.UnixMilli())
			continue
		}
		r, claim, ok := decodeClaim(k, v)
		if !ok {
			continue
		}
		seq := claim.Body().Seq
		if !any {
			f.floor, f.next, any = seq, seq, true
		}
		if f.hole == noHole && (seq != f.next || seq > f.floor && claim.Body().Prev != f.head) {
			f.hole = f.next
		}
		if f.hole == noHole {
			f.head, f.time = claim.ID(), claim.Body().Time
			if r.Name != "" {
				f.name = r.Name
			}
		}
		f.next, f.arrived = seq+1, max(f.arrived, r.Arrived.UnixMilli())
	}
	return f
}
