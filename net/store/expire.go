package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// expireBatch limits the records deleted in one transaction, so that new messages are saved soon.
const expireBatch = 2000

// Expire implements Store. The writer deletes, in batches.
func (d *Disk) Expire(ctx context.Context, before time.Time) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, ErrClosed
	}
	e := &expiry{}
	d.queueLocked(op{kind: opExpire, until: before, expiry: e})
	err := d.syncLocked(ctx)
	if e.done { // what failed stood behind it
		return e.deleted, nil
	}
	return 0, err // the writer expires later, when the disk works again
}

// expiry is what came of an opExpire.
type expiry struct {
	deleted int
	done    bool // set with deleted, once, under Disk.mu
}

// expireFeeds carries out an opExpire, in the writer's goroutine.
func (d *Disk) expireFeeds(o op) error {
	d.mu.Lock()
	feeds := maps.Clone(d.ledger.feeds)
	cold := slices.Collect(maps.Keys(d.ledger.cold))
	d.mu.Unlock()
	deleted := 0
	for _, key := range cold {
		n, err := d.expireColdBlock(key, o.until.UnixMilli())
		if err != nil {
			return err
		}
		deleted += n
	}
	for key, f := range feeds {
		for {
			n, err := d.expireFeedPart(key, f.number, o.until.UnixMilli())
			if err != nil {
				return err
			}
			if deleted += n; n < expireBatch {
				break
			}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !o.expiry.done { // else the batch was begun again, in a file that replaced a damaged one
		*o.expiry = expiry{deleted: deleted, done: true}
	}
	return nil
}

// expireFeedPart deletes at most expireBatch records at the beginning of a feed, up to the first
// that is not older than ms.
func (d *Disk) expireFeedPart(key record.FeedKey, num uint32, ms int64) (n int, err error) {
	var last uint64
	err = d.file.transact(false, func(tx *bolt.Tx) error {
		n = 0
		records := tx.Bucket(d.bucket('r'))
		if records == nil {
			return nil
		}
		c := records.Cursor()
		prefix := recordKey(num, 0)[:4]
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(k) == 12 && n < expireBatch; k, v = c.Next() {
			arrived, live := arrivalOf(v)
			if retentionTime(recordTime(v), arrived, live) >= ms {
				break
			}
			last = binary.BigEndian.Uint64(k[4:])
			n++
		}
		return nil
	})
	if err != nil || n == 0 {
		return 0, err
	}
	// The floor rises first, so that no reader misses the deleted records.
	d.mu.Lock()
	if f := d.ledger.feeds[key]; f != nil {
		f.floor = max(f.floor, min(last+1, f.next))
	}
	d.mu.Unlock()
	var w *writeTx
	err = d.file.transact(true, func(tx *bolt.Tx) (err error) {
		if w, err = d.newWriteTx(tx); err != nil {
			return err
		}
		if err := w.remove(key.Author, num, 0, last); err != nil {
			return err
		}
		f, err := w.feed(key, last+1)
		if err != nil {
			return err
		}
		w.raiseFloor(f, last+1)
		d.mu.Lock()
		if g := d.ledger.feeds[key]; g != nil {
			g.floor = max(g.floor, min(last+1, g.next)) // also if it was cold a moment ago
			if g.floor > g.hole {
				g.hole, g.head = noHole, f.head
			}
		}
		d.mu.Unlock()
		return w.writeFeeds()
	})
	if err == nil {
		d.mu.Lock()
		w.noteSizesLocked()
		w.noteDropsLocked()
		d.mu.Unlock()
	}
	return n, err
}

// retentionTime returns the time, in ms, from which the age of a record counts.
func retentionTime(said, arrived int64, live bool) int64 {
	if live {
		return arrived
	}
	return min(said, arrived)
}

// recordTime returns the milliseconds of a record's own time.
func recordTime(value []byte) int64 {
	var sig [64]byte
	c, err := record.Parse(string(bodyOf(value)), sig[:])
	if err != nil {
		return 0 // it can't be read anyway
	}
	return c.Body().Time.Ms
}
