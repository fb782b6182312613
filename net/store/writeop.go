package store

import (
	"bytes"
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

type opKind byte

const (
	opAppend opKind = iota
	opStartAt
	opEndAt
	opDropRecord // the record at seq can't be read
	opExpire     // delete what is older
	opPut
	opDelete
)

// op is one thing to write. Operations are written in the order in which they were queued.
type op struct {
	kind       opKind
	entry      *Entry         // of opAppend
	feed       record.FeedKey // of opRaise, opCut, opLose
	seq        uint64
	name       string    // of opPut, opDelete
	key, value string    // the same; of opLose, key is the record's place in the order
	before     time.Time // of opExpire
	done       chan<- expireResult
}

// expired is the result of an opExpire.
type expireResult struct {
	deleted int
	err     error
}

func (o *op) size() int {
	if o.entry != nil {
		return entrySize(o.entry)
	}
	return 256 + len(o.key) + len(o.value)
}

// writing is a write transaction: the room's buckets, and the feeds that were touched, which are
// written at its end.
type writeTx struct {
	tx             *bolt.Tx
	records, order *bolt.Bucket
	feeds, values  *bolt.Bucket
	touched        map[record.FeedKey]*feed
	number         func(record.FeedKey) (uint32, bool) // of a feed, from the ledger
}

func (d *Disk) newWriteTx(tx *bolt.Tx) (*writeTx, error) {
	w := &writeTx{tx: tx, touched: map[record.FeedKey]*feed{}, number: d.feedNumber, values: tx.Bucket(bucketValues)}
	if w.values == nil {
		return nil, damaged("no bucket for the values")
	}
	for letter, b := range map[byte]**bolt.Bucket{'r': &w.records, 'o': &w.order, 'f': &w.feeds} {
		var err error
		if *b, err = tx.CreateBucketIfNotExists(d.bucket(letter)); err != nil {
			return nil, err
		}
		(*b).FillPercent = 0.9 // most of what is written goes to the ends
	}
	return w, nil
}

// number is a feed's number in the file.
func (d *Disk) feedNumber(key record.FeedKey) (uint32, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.ledger.feeds[key]
	if f == nil {
		return 0, false
	}
	return f.number, true
}

// feed is what the file holds of a feed, before this transaction and with what it did so far.
func (w *writeTx) feed(key record.FeedKey, floor uint64) (*feed, error) {
	if f := w.touched[key]; f != nil {
		return f, nil
	}
	num, ok := w.number(key)
	if !ok {
		return nil, damaged("a feed without a number") // the ledger was loaded from a file without it
	}
	at := binary.BigEndian.AppendUint32(nil, num)
	f := &feed{number: num, floor: floor, next: floor, hole: noHole}
	if v := w.feeds.Get(at); v != nil {
		had, g, ok := decodeFeed(at, v)
		if !ok || had != key {
			return nil, damaged("what is held of a feed")
		}
		f = g
	}
	w.touched[key] = f
	return f, nil
}

// finish writes what is held of the feeds that were touched.
func (w *writeTx) writeFeeds() error {
	for key, f := range w.touched {
		at := binary.BigEndian.AppendUint32(nil, f.number)
		if err := w.feeds.Put(at, encodeFeed(at, key, f)); err != nil {
			return err
		}
	}
	return nil
}

// apply does one operation, all but opExpire, which takes transactions of its own.
func (w *writeTx) apply(o *op) error {
	switch o.kind {
	case opAppend:
		return w.append(o.entry)
	case opPut:
		at := valueKey(o.name, []byte(o.key))
		return w.values.Put(at, encodeValue(at, uint64(w.tx.ID()), []byte(o.value)))
	case opDelete:
		return w.values.Delete(valueKey(o.name, []byte(o.key)))
	case opExpire:
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
		if err := w.remove(f.number, o.seq, noHole); err != nil {
			return err
		}
		f.head = w.idBefore(f.number, f.end())
	case opDropRecord:
		if err := w.remove(f.number, o.seq, o.seq); err != nil {
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
	if err != nil || f.forked {
		return err
	}
	at := recordKey(f.number, key.Seq)
	if key.Seq < f.next {
		// What is in the place already may be another record, which stands elsewhere in the order.
		if err := w.remove(f.number, key.Seq, key.Seq); err != nil {
			return err
		}
	}
	if err := w.records.Put(at, encodeEntry(at, e)); err != nil {
		return err
	}
	f.addEntry(e)
	return w.order.Put(key.encode(), nil)
}

// remove deletes a feed's records from … to, with their places in the order.
func (w *writeTx) remove(num uint32, from, to uint64) error {
	var places [][]byte
	c := w.records.Cursor()
	for k, v := c.Seek(recordKey(num, from)); k != nil && bytes.Compare(k, recordKey(num, to)) <= 0; k, v = c.Next() {
		places = append(places, bytes.Clone(k))
		if err := w.deleteOrderKey(k, v); err != nil {
			return err
		}
	}
	for _, k := range places {
		if err := w.records.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// unorder deletes a record's place in the order. One that can't be read doesn't say where that is: it
// stays, and is deleted when a reader comes upon it.
func (w *writeTx) deleteOrderKey(at, value []byte) error {
	r, ok := decodeRecord(at, value)
	if !ok {
		return nil
	}
	c, err := record.Parse(r.Body, r.Sig[:])
	if err != nil {
		return nil
	}
	return w.order.Delete(orderKeyOfBody(c.Body()).encode())
}

// idAt is the id of the record before seq; zero when it isn't there.
func (w *writeTx) idBefore(num uint32, seq uint64) record.ID {
	if seq == 0 {
		return record.ID{}
	}
	at := recordKey(num, seq-1)
	if r, ok := decodeRecord(at, w.records.Get(at)); ok {
		if c, err := record.Parse(r.Body, r.Sig[:]); err == nil {
			return c.ID()
		}
	}
	return record.ID{}
}
