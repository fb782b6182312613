package store

import (
	"bytes"
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

type opKind byte

const (
	opAppend opKind = iota
	opSkip
	opFill
	opStartAt
	opEndAt
	opDropRecord   // delete the record at seq, which can't be read
	opExpire       // delete old records
	opDropOldest   // delete an author's oldest records
	opRemoveAuthor // delete an author's records and feeds
	opWriteSizes   // nothing but what each transaction does: write the sums that are missing
	opPut
	opDelete
)

// op is one operation for the writer, which carries them out in the order of the queue.
type op struct {
	kind       opKind
	entry      *Entry         // opAppend, opFill
	stub       *Stub          // opSkip
	feed       record.FeedKey // opStartAt, opEndAt, opDropRecord; its author: opDropOldest, opRemoveAuthor
	seq        uint64
	before     record.ID // opEndAt: of the record below seq, zero if unknown
	bytes      int       // opDropOldest
	name       string    // opPut, opDelete
	key, value string    // opPut, opDelete; opDropRecord: key is the place in the order
	until      time.Time // opExpire: records sent or received earlier go
	expiry     *expiry   // opExpire
}

func (o *op) size() int {
	if o.entry != nil {
		return entrySize(o.entry)
	}
	return 256 + len(o.key) + len(o.value) + 2*o.bytes
}

// author returns the author of an operation's record or stub; false if it has neither.
func (o *op) author() (identity.Key, bool) {
	switch {
	case o.entry != nil:
		return o.entry.Record.Author(), true
	case o.stub != nil:
		return o.stub.Key.Author, true
	}
	return identity.Key{}, false
}

// writeTx is a write transaction: the room's buckets, and the feeds whose state it changed.
type writeTx struct {
	tx             *bolt.Tx
	records, order *bolt.Bucket
	feeds, values  *bolt.Bucket
	touched        map[record.FeedKey]*feed
	disk           *Disk // its ledger has the feeds' numbers

	grown    map[identity.Key]int // bytes that each author's records take more, or less
	allSizes bool                 // it wrote the sums of all authors
	drops    map[identity.Key]*Dropped
	removed  []identity.Key // authors
}

func (d *Disk) newWriteTx(tx *bolt.Tx) (*writeTx, error) {
	w := &writeTx{tx: tx, touched: map[record.FeedKey]*feed{}, disk: d, values: tx.Bucket(bucketValues),
		grown: map[identity.Key]int{}}
	if w.values == nil {
		return nil, damaged("no bucket for the values")
	}
	for letter, b := range map[byte]**bolt.Bucket{'r': &w.records, 'o': &w.order, 'f': &w.feeds} {
		var err error
		if *b, err = tx.CreateBucketIfNotExists(d.bucket(letter)); err != nil {
			return nil, err
		}
		(*b).FillPercent = 0.9 // most records go to the ends
	}
	return w, nil
}

// feed returns a feed's state in the file, with this transaction's changes.
func (w *writeTx) feed(key record.FeedKey, floor uint64) (*feed, error) {
	if f := w.touched[key]; f != nil {
		return f, nil
	}
	w.disk.mu.Lock()
	number, known := w.disk.ledger.number(key)
	w.disk.mu.Unlock()
	if !known {
		return nil, damaged("a feed without a number") // the ledger comes from a file without the feed
	}
	at := binary.BigEndian.AppendUint32(nil, number)
	f := &feed{number: number, floor: floor, next: floor, hole: noHole}
	if v := w.feeds.Get(at); v != nil {
		had, g, ok := decodeFeed(at, v)
		if !ok || had != key {
			return nil, damaged("the state of a feed")
		}
		f = g
	}
	w.touched[key] = f
	return f, nil
}

// writeFeeds writes the changed states of feeds.
func (w *writeTx) writeFeeds() error {
	for key, f := range w.touched {
		at := binary.BigEndian.AppendUint32(nil, f.number)
		if err := w.feeds.Put(at, encodeFeed(at, key, f)); err != nil {
			return err
		}
	}
	return w.writeSizes()
}

// apply carries out one operation. opExpire has transactions of its own.
func (w *writeTx) apply(o *op) error {
	switch o.kind {
	case opAppend:
		return w.append(o.entry)
	case opSkip:
		return w.skip(o.stub)
	case opFill:
		return w.fill(o.entry)
	case opPut:
		at := valueKey(o.name, []byte(o.key))
		return w.values.Put(at, encodeValue(at, uint64(w.tx.ID()), []byte(o.value)))
	case opDelete:
		return w.values.Delete(valueKey(o.name, []byte(o.key)))
	case opDropOldest:
		return w.dropOldest(o)
	case opRemoveAuthor:
		return w.removeAuthor(o.feed.Author)
	case opWriteSizes:
		return nil
	}
	f, err := w.feed(o.feed, 0)
	if err != nil {
		return err
	}
	switch o.kind {
	case opStartAt:
		f.startAt(o.seq)
	case opEndAt:
		f.endAt(o.seq)
		from := w.startOfRun(f.number, o.seq)
		if err := w.remove(o.feed.Author, f.number, o.seq, noHole); err != nil {
			return err
		}
		if from < f.next && from < o.seq { // no record proves the rest of the run
			f.hole = max(f.floor, min(f.hole, from))
		}
		f.head = f.headAfterCut(o.seq, w.idBefore(f.number, f.end()), o.before)
	case opDropRecord:
		if err := w.remove(o.feed.Author, f.number, o.seq, o.seq); err != nil {
			return err
		}
		if err := w.order.Delete([]byte(o.key)); err != nil {
			return err
		}
		f.loseRecord(o.seq, w.idBefore(f.number, o.seq))
	}
	return nil
}

func (w *writeTx) append(e *Entry) error {
	key := OrderKeyOf(e.Record)
	f, err := w.feed(key.feed(), key.Seq)
	if err != nil || f.forked && key.Seq >= f.next {
		return err
	}
	at := recordKey(f.number, key.Seq)
	if key.Seq < f.next {
		// The place may be taken by another record, with another place in the order.
		if err := w.remove(key.Author, f.number, key.Seq, key.Seq); err != nil {
			return err
		}
	}
	if err := w.records.Put(at, encodeEntry(at, e)); err != nil {
		return err
	}
	f.addEntry(e)
	w.grown[key.Author] += sizeOf([]byte(e.Record.Signed()))
	return w.order.Put(key.encode(), nil)
}

// remove deletes a feed's records from … to, with their places in the order.
func (w *writeTx) remove(author identity.Key, num uint32, from, to uint64) error {
	var places [][]byte
	c := w.records.Cursor()
	for k, v := c.Seek(recordKey(num, from)); k != nil && bytes.Compare(k, recordKey(num, to)) <= 0; k, v = c.Next() {
		places = append(places, bytes.Clone(k))
		// An unreadable record doesn't tell its place in the order, which stays until a reader finds it.
		if _, c, ok := decodeClaim(k, v); ok {
			if err := w.order.Delete(orderKeyOfBody(c.Body()).encode()); err != nil {
				return err
			}
		}
	}
	drop := w.dropOf(author)
	for _, k := range places {
		size := sizeOfValue(w.records.Get(k))
		w.grown[author] -= size
		drop.Freed += size
		drop.Records++
		if err := w.records.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// idBefore returns the id of the record before seq, or zero if it isn't there.
func (w *writeTx) idBefore(num uint32, seq uint64) record.ID {
	if seq == 0 {
		return record.ID{}
	}
	at := recordKey(num, seq-1)
	v := w.records.Get(at)
	if s, ok := decodeStub(at, v); ok {
		return s.ID
	}
	if _, c, ok := decodeClaim(at, v); ok {
		return c.ID()
	}
	return record.ID{}
}
