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
	opRaise
	opCut
	opLose   // the record at seq can't be read
	opExpire // delete what is older
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
	done       chan<- expired
}

// expired is the result of an opExpire.
type expired struct {
	deleted int
	err     error
}

func (o *op) weight() int {
	if o.entry != nil {
		return weigh(o.entry)
	}
	return 256 + len(o.key) + len(o.value)
}

// writing is a write transaction: the room's buckets, and the feeds that were touched, which are
// written at its end.
type writing struct {
	tx             *bolt.Tx
	records, order *bolt.Bucket
	feeds, blobs   *bolt.Bucket
	held           map[record.FeedKey]*feed
	number         func(record.FeedKey) (uint32, bool) // of a feed, from the ledger
}

func (d *Disk) writing(tx *bolt.Tx) (*writing, error) {
	w := &writing{tx: tx, held: map[record.FeedKey]*feed{}, number: d.number, blobs: tx.Bucket(bucketBlob)}
	if w.blobs == nil {
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
func (d *Disk) number(key record.FeedKey) (uint32, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.ledger.feeds[key]
	if f == nil {
		return 0, false
	}
	return f.num, true
}

// feed is what the file holds of a feed, before this transaction and with what it did so far.
func (w *writing) feed(key record.FeedKey, floor uint64) (*feed, error) {
	if f := w.held[key]; f != nil {
		return f, nil
	}
	num, ok := w.number(key)
	if !ok {
		return nil, damaged("a feed without a number") // the ledger was loaded from a file without it
	}
	at := binary.BigEndian.AppendUint32(nil, num)
	f := &feed{num: num, floor: floor, next: floor, hole: none}
	if v := w.feeds.Get(at); v != nil {
		had, g, ok := openFeedState(at, v)
		if !ok || had != key {
			return nil, damaged("what is held of a feed")
		}
		f = g
	}
	w.held[key] = f
	return f, nil
}

// finish writes what is held of the feeds that were touched.
func (w *writing) finish() error {
	for key, f := range w.held {
		at := binary.BigEndian.AppendUint32(nil, f.num)
		if err := w.feeds.Put(at, sealFeedState(at, key, f)); err != nil {
			return err
		}
	}
	return nil
}

// apply does one operation, all but opExpire, which takes transactions of its own.
func (w *writing) apply(o *op) error {
	switch o.kind {
	case opAppend:
		return w.append(o.entry)
	case opPut:
		at := blobKey(o.name, []byte(o.key))
		return w.blobs.Put(at, sealBlobValue(at, uint64(w.tx.ID()), []byte(o.value)))
	case opDelete:
		return w.blobs.Delete(blobKey(o.name, []byte(o.key)))
	case opExpire:
		return nil
	}
	f, err := w.feed(o.feed, 0)
	if err != nil {
		return err
	}
	switch o.kind {
	case opRaise:
		f.raise(o.seq)
	case opCut:
		f.cut(o.seq)
		if err := w.remove(f.num, o.seq, none); err != nil {
			return err
		}
		f.head = w.idAt(f.num, f.end())
	case opLose:
		if err := w.remove(f.num, o.seq, o.seq); err != nil {
			return err
		}
		if err := w.order.Delete([]byte(o.key)); err != nil {
			return err
		}
		f.lose(o.seq, w.idAt(f.num, o.seq))
	}
	return nil
}

func (w *writing) append(e *Entry) error {
	key := OrderKeyOf(e.Record)
	f, err := w.feed(key.feed(), key.Seq)
	if err != nil || f.forked {
		return err
	}
	at := place(f.num, key.Seq)
	if key.Seq < f.next {
		// What is in the place already may be another record, which stands elsewhere in the order.
		if err := w.remove(f.num, key.Seq, key.Seq); err != nil {
			return err
		}
	}
	if err := w.records.Put(at, sealEntry(at, e)); err != nil {
		return err
	}
	f.take(e)
	return w.order.Put(key.bytes(), nil)
}

// remove deletes a feed's records from … to, with their places in the order.
func (w *writing) remove(num uint32, from, to uint64) error {
	var places [][]byte
	c := w.records.Cursor()
	for k, v := c.Seek(place(num, from)); k != nil && bytes.Compare(k, place(num, to)) <= 0; k, v = c.Next() {
		places = append(places, bytes.Clone(k))
		if err := w.unorder(k, v); err != nil {
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
func (w *writing) unorder(at, value []byte) error {
	r, ok := openRecord(at, value)
	if !ok {
		return nil
	}
	c, err := record.Parse(r.Body, r.Sig[:])
	if err != nil {
		return nil
	}
	return w.order.Delete(keyOfBody(c.Body()).bytes())
}

// idAt is the id of the record before seq; zero when it isn't there.
func (w *writing) idAt(num uint32, seq uint64) record.ID {
	if seq == 0 {
		return record.ID{}
	}
	at := place(num, seq-1)
	if r, ok := openRecord(at, w.records.Get(at)); ok {
		if c, err := record.Parse(r.Body, r.Sig[:]); err == nil {
			return c.ID()
		}
	}
	return record.ID{}
}
