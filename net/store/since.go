package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// ShareFrom implements Store. It reads the records since that time, and one more of each feed.
func (d *Disk) ShareFrom(ctx context.Context, since time.Time, keys []record.FeedKey) (map[record.FeedKey]uint64, error) {
	ms := since.UnixMilli()
	d.mu.Lock()
	feeds, cold := map[record.FeedKey]feed{}, map[record.FeedKey]uint32{}
	for _, key := range keys {
		if f := d.ledger.feeds[key]; f != nil && f.arrived >= ms && f.end() > f.floor {
			feeds[key] = *f
		} else if number, is := d.ledger.coldNumber(key); f == nil && is && d.ledger.cold[BlockOf(key)].arrived >= ms {
			cold[key] = number
		}
	}
	for _, b := range []*batch{&d.flushing, &d.pending} {
		for _, r := range b.table.rows {
			if f, ok := feeds[r.key.feed()]; ok && r.entry.Arrived.UnixMilli() < ms {
				f.floor = max(f.floor, r.key.Seq+1)
				feeds[r.key.feed()] = f
			}
		}
	}
	waiting := slices.Concat(d.flushing.stubs, d.pending.stubs)
	d.mu.Unlock()
	out := map[record.FeedKey]uint64{}
	share := func(key record.FeedKey, f feed, floor uint64) {
		for _, s := range waiting { // a peer can't begin a feed with a stub
			if s.Key == key && (s.covers(floor) || s.To >= floor && s.Arrived.UnixMilli() < ms) {
				floor = s.To + 1
			}
		}
		if floor < f.end() {
			out[key] = floor
		}
	}
	err := d.view(func(tx *bolt.Tx) error {
		clear(out)
		records, states := tx.Bucket(d.bucket('r')), tx.Bucket(d.bucket('f'))
		for key, number := range cold {
			at := binary.BigEndian.AppendUint32(nil, number)
			if had, f, ok := decodeFeed(at, states.Get(at)); ok && had == key && f.arrived >= ms {
				feeds[key] = *f
			}
		}
		for key, f := range feeds {
			if err := ctx.Err(); err != nil {
				return err
			}
			floor := f.floor
			if records != nil {
				floor = behindRun(records, f.number, max(floor, arrivedSince(records, f, ms)))
			}
			share(key, f, floor)
		}
		return nil
	})
	if err == nil && len(out) == 0 && len(feeds) > 0 && !d.isOpen() {
		for key, f := range feeds { // nothing is on disk
			share(key, f, f.floor)
		}
	}
	return out, err
}

// isOpen reports whether there is a file.
func (d *Disk) isOpen() bool {
	d.files.RLock()
	defer d.files.RUnlock()
	return d.file != nil
}

// arrivedSince returns the seq from which on all of a feed's records on disk arrived at ms or
// later.
func arrivedSince(records *bolt.Bucket, f feed, ms int64) uint64 {
	c := records.Cursor()
	var v []byte
	k, _ := c.Seek(recordKey(f.number, f.end()))
	if k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	floor := recordKey(f.number, f.floor)
	for ; k != nil && bytes.Compare(k, floor) >= 0; k, v = c.Prev() {
		if arrived, _ := arrivalOf(v); arrived < ms {
			return binary.BigEndian.Uint64(k[4:]) + 1
		}
	}
	return f.floor
}

// findFirsts returns, for each feed that has any, the least seq with a time of since or later.
func (d *Disk) findFirsts(ctx context.Context, since time.Time) (map[record.FeedKey]uint64, error) {
	firsts := map[record.FeedKey]uint64{}
	if since.IsZero() {
		return firsts, nil
	}
	d.mu.Lock()
	for _, b := range []*batch{&d.flushing, &d.pending} {
		for _, r := range b.table.rows {
			if r.key.Time.Ms >= since.UnixMilli() {
				noteFirst(firsts, r.key)
			}
		}
	}
	d.mu.Unlock()
	at := OrderKey{Time: record.Time{Ms: since.UnixMilli()}}
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var keys []OrderKey
		err := d.view(func(tx *bolt.Tx) error {
			keys = nil
			order := tx.Bucket(d.bucket('o'))
			if order == nil {
				return nil
			}
			c := order.Cursor()
			for k := seekOrder(c, at, false); k != nil && len(keys) < readBatch; k, _ = c.Next() {
				key, ok := decodeOrderKey(k)
				if !ok {
					return damaged("a place in the order")
				}
				keys = append(keys, key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			noteFirst(firsts, key)
		}
		if more = len(keys) == readBatch; more {
			at = keys[readBatch-1]
		}
	}
	return firsts, nil
}

// noteFirst notes a key in firsts if its seq is the least of its feed.
func noteFirst(firsts map[record.FeedKey]uint64, k OrderKey) {
	if first, any := firsts[k.feed()]; !any || k.Seq < first {
		firsts[k.feed()] = k.Seq
	}
}
