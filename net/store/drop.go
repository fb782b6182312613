package store

import (
	"bytes"
	"encoding/binary"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// maxDrop limits the bytes that one DropOldest deletes in a transaction, so that new messages are saved soon.
const maxDrop = 4 << 20

// Dropped says what was deleted of an author's records.
type Dropped struct {
	Author  identity.Key
	Asked   int // bytes that DropOldest was asked to delete
	Freed   int // bytes that were deleted, also by Expire and EndFeedAt
	Records int // how many records
	Floors  map[record.Feed]uint64
}

// DropOldest implements Store. Requests that wait are joined, so that there are no more of them than authors.
func (d authorSizes) DropOldest(author identity.Key, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || n <= 0 {
		return
	}
	if i, waits := d.pending.drops[author]; waits && (d.pending.ops[i].bytes < maxDrop || d.status.NotSaved != nil) {
		d.pending.ops[i].bytes += n
		return
	}
	if d.pending.drops == nil {
		d.pending.drops = map[identity.Key]int{}
	}
	d.pending.drops[author] = len(d.pending.ops)
	d.queueLocked(op{kind: opDropOldest, feed: record.FeedKey{Author: author}, bytes: n})
}

// RemoveAuthor implements Store.
func (d authorSizes) RemoveAuthor(author identity.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || d.removing[author] {
		return
	}
	if d.removing == nil {
		d.removing = map[identity.Key]bool{}
	}
	d.removing[author] = true
	d.queueLocked(op{kind: opRemoveAuthor, feed: record.FeedKey{Author: author}})
}

// TakeDropped implements Store.
func (d authorSizes) TakeDropped() []Dropped {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.dropped
	d.dropped = nil
	return out
}

// dropOldest deletes an author's oldest records until o.bytes are gone.
func (w *writeTx) dropOldest(o *op) error {
	author := o.feed.Author
	drop := w.dropOf(author)
	drop.Asked += o.bytes
	left, empty, onlyEmpty := o.bytes, 0, true
	for _, n := range w.feedsOf(author) {
		if left <= 0 {
			break
		}
		key := record.FeedKey{Author: author, Feed: n}
		size, err := w.dropBeginning(key, left, drop)
		if err != nil {
			return err
		}
		if onlyEmpty = onlyEmpty && size == 0; onlyEmpty {
			empty++
		}
		left -= size
	}
	w.passEmpty(author, empty)
	return nil
}

// dropBeginning deletes a feed's first records that have n bytes together, and returns how many these have.
func (w *writeTx) dropBeginning(key record.FeedKey, n int, drop *Dropped) (size int, err error) {
	if w.isEmpty(key) {
		return 0, nil
	}
	f, err := w.feed(key, 0)
	if err != nil {
		return 0, err
	}
	last, size := w.measure(f.number, n)
	if size == 0 {
		return 0, nil
	}
	if err := w.remove(key.Author, f.number, 0, last); err != nil {
		return 0, err
	}
	w.raiseFloor(f, last+1)
	if drop.Floors == nil {
		drop.Floors = map[record.Feed]uint64{}
	}
	drop.Floors[key.Feed] = f.floor
	return size, nil
}

// measure returns the last of a feed's first records that have n bytes together, and how many these have.
func (w *writeTx) measure(number uint32, n int) (last uint64, size int) {
	c := w.records.Cursor()
	prefix := recordKey(number, 0)[:4]
	for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && size < n; k, v = c.Next() {
		if _, seq, ok := splitRecordKey(k); ok {
			last = seq
			size += sizeOfValue(v)
		}
	}
	return last, size
}

// raiseFloor begins a feed at floor, where its end allows it. Its end stays.
func (w *writeTx) raiseFloor(f *feed, floor uint64) {
	f.floor = max(f.floor, min(floor, f.next))
	if f.floor > f.hole { // the missing records would have been deleted as well
		f.hole = noHole
		f.head = w.idBefore(f.number, f.next)
	}
}

// removeAuthor deletes an author's records and the ends of its feeds.
func (w *writeTx) removeAuthor(author identity.Key) error {
	w.disk.mu.Lock()
	feeds := w.disk.ledger.allFeedsOf(author)
	w.disk.mu.Unlock()
	for _, n := range feeds {
		key := record.FeedKey{Author: author, Feed: n}
		f, err := w.feed(key, 0)
		if err != nil {
			return err
		}
		if err := w.remove(author, f.number, 0, noHole); err != nil {
			return err
		}
		if err := w.feeds.Delete(binary.BigEndian.AppendUint32(nil, f.number)); err != nil {
			return err
		}
		delete(w.touched, key)
	}
	w.removed = append(w.removed, author)
	return nil
}

// dropOf returns what the transaction deletes of an author.
func (w *writeTx) dropOf(author identity.Key) *Dropped {
	if w.drops[author] == nil {
		if w.drops == nil {
			w.drops = map[identity.Key]*Dropped{}
		}
		w.drops[author] = &Dropped{Author: author}
	}
	return w.drops[author]
}

// noteDropsLocked follows a committed transaction that deleted records.
func (w *writeTx) noteDropsLocked() {
	d := w.disk
	for author, drop := range w.drops {
		for n := range drop.Floors {
			key := record.FeedKey{Author: author, Feed: n}
			f, wrote := d.ledger.feeds[key], w.touched[key]
			if _, cold := d.ledger.coldNumber(key); f == nil && cold {
				d.noteColdChangedLocked(BlockOf(key))
			}
			if f == nil || wrote == nil {
				continue
			}
			f.floor = max(f.floor, min(wrote.floor, f.next))
			if f.floor > f.hole {
				f.hole, f.head = noHole, wrote.head
			}
		}
		d.dropped = append(d.dropped, *drop)
	}
	for _, author := range w.removed {
		d.ledger.removeAuthor(author)
		delete(d.removing, author)
	}
}
