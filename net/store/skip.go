package store

import (
	"bytes"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"
)

// Skip implements Store.
func (d *Disk) Skip(s Stub) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	if d.removing[s.Key.Author] {
		return ErrFull // as in Append
	}
	wanted, err := d.ledger.wantsStub(&s)
	if !wanted {
		return err
	}
	o := op{kind: opSkip, feed: s.Key, stub: &s}
	if !d.hasSpaceLocked(&o) {
		d.status.Dropped++
		return ErrFull
	}
	d.ledger.addStub(&s)
	d.queueLocked(o)
	return nil
}

// Fill implements Store.
func (d *Disk) Fill(e Entry) error {
	if err := checkEntry(d.cfg.Room, &e); err != nil {
		return err
	}
	d.mu.Lock()
	held := d.ledger.isVisible(OrderKeyOf(e.Record)) && !d.removing[e.Record.Author()]
	d.mu.Unlock()
	if !held {
		return ErrGap
	}
	return d.queueValue(op{kind: opFill, feed: e.Record.FeedKey(), entry: &e})
}

// skip writes a stub. A run of stubs is one value, under the seq of its last record.
func (w *writeTx) skip(s *Stub) error {
	f, err := w.feed(s.Key, s.From)
	if err != nil || f.forked && s.To >= f.next {
		return err
	}
	if err := raiseSchema(w.tx); err != nil {
		return err
	}
	run := *s
	// What lies in the way is behind a hole, or was written before the file was replaced.
	c := w.records.Cursor()
	first := recordKey(f.number, run.From-min(run.From, 1))
	for k, v := c.Seek(first); k != nil && bytes.Compare(k, recordKey(f.number, s.To)) <= 0; k, v = c.Next() {
		if before, ok := decodeStub(k, v); ok && before.Key == s.Key {
			run.From = min(run.From, before.From)
		}
	}
	if end := recordKey(f.number, s.From-min(s.From, 1)); run.From < s.From && isStub(w.records.Get(end)) {
		w.grown[s.Key.Author] -= RecordOverhead
		if err := w.records.Delete(end); err != nil { // a run grows, and its value moves
			return err
		}
	}
	if err := w.remove(s.Key.Author, f.number, s.From, s.To); err != nil {
		return err
	}
	f.addStub(s)
	w.grown[s.Key.Author] += RecordOverhead
	at := recordKey(f.number, s.To)
	return w.records.Put(at, encodeStub(at, &run))
}

// fill writes a record in its place in a run, which it parts.
func (w *writeTx) fill(e *Entry) error {
	key := OrderKeyOf(e.Record)
	f, err := w.feed(key.feed(), key.Seq)
	if err != nil {
		return err
	}
	at := recordKey(f.number, key.Seq)
	k, v := w.records.Cursor().Seek(at)
	s, ok := decodeStub(k, v)
	if !ok || s.Key != key.feed() || !s.covers(key.Seq) {
		return nil // filled before, or cut off by a fork
	}
	below, above := s.split(e.Record)
	w.grown[key.Author] += sizeOf([]byte(e.Record.Signed())) - RecordOverhead
	for _, rest := range []*Stub{below, above} {
		if rest == nil {
			continue
		}
		w.grown[key.Author] += RecordOverhead
		at := recordKey(f.number, rest.To)
		if err := w.records.Put(at, encodeStub(at, rest)); err != nil {
			return err
		}
	}
	if err := w.records.Put(at, encodeEntry(at, e)); err != nil {
		return err
	}
	return w.order.Put(key.encode(), nil)
}

// startOfRun returns the first seq of the run that seq is in, or seq.
func (w *writeTx) startOfRun(num uint32, seq uint64) uint64 {
	k, v := w.records.Cursor().Seek(recordKey(num, seq))
	if s, ok := decodeStub(k, v); ok && binary.BigEndian.Uint32(k) == num && s.covers(seq) {
		return s.From
	}
	return seq
}

// behindRun returns the first seq behind the run that seq is in, or seq.
func behindRun(records *bolt.Bucket, num uint32, seq uint64) uint64 {
	k, v := records.Cursor().Seek(recordKey(num, seq))
	if s, ok := decodeStub(k, v); ok && binary.BigEndian.Uint32(k) == num && s.covers(seq) {
		return s.To + 1
	}
	return seq
}

// raiseSchema marks a file that holds a stub, which programs before schema 2 can't read.
func raiseSchema(tx *bolt.Tx) error {
	m := tx.Bucket(bucketMeta)
	if m == nil {
		return damaged("no bucket for the schema")
	}
	if v, ok := verifyChecksum(tagSchema, keySchema, m.Get(keySchema)); ok && len(v) == 4 && binary.BigEndian.Uint32(v) >= schema {
		return nil
	}
	return putSchema(m, schema)
}

func putSchema(m *bolt.Bucket, version uint32) error {
	v := binary.BigEndian.AppendUint32(beginEncoded(tagSchema, 4), version)
	return m.Put(keySchema, addChecksum(keySchema, v))
}
