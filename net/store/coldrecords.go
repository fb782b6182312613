package store

import (
	"context"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// readColdRange does for a cold feed what ReadRange does.
func (d coldFeeds) readColdRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error) {
	var out []RawEntry
	var lost []OrderKey
	err := d.view(func(tx *bolt.Tx) error {
		out, lost = nil, nil
		d.mu.Lock()
		number, known := d.ledger.number(key)
		d.mu.Unlock()
		records, feeds := tx.Bucket(d.bucket('r')), tx.Bucket(d.bucket('f'))
		if !known || records == nil || feeds == nil {
			return nil
		}
		at := binary.BigEndian.AppendUint32(nil, number)
		had, f, ok := decodeFeed(at, feeds.Get(at))
		if !ok || had != key {
			return damaged("the state of a feed")
		}
		if f.end() > 0 && max(from, f.floor) <= min(to, f.end()-1) {
			out, lost = readRun(records, number, key, max(from, f.floor), min(to, f.end()-1), maxBytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.dropDamaged(lost)
	return out, ctx.Err()
}

// expireColdBlock deletes old records of a block's cold feeds, in the writer's goroutine.
func (d coldFeeds) expireColdBlock(key BlockKey, ms int64) (deleted int, err error) {
	d.mu.Lock()
	c := d.ledger.cold[key]
	d.mu.Unlock()
	if c == nil {
		return 0, nil // it was read meanwhile; the next expiry has it
	}
	var old []int
	err = d.file.transact(false, func(tx *bolt.Tx) error {
		old = nil
		records := tx.Bucket(d.bucket('r'))
		if records == nil {
			return nil
		}
		cursor := records.Cursor()
		for i, number := range c.numbers {
			at := recordKey(number, 0)
			k, v := cursor.Seek(at)
			if k == nil || string(k[:4]) != string(at[:4]) {
				continue
			}
			if arrived, live := arrivalOf(v); retentionTime(recordTime(v), arrived, live) < ms {
				old = append(old, i)
			}
		}
		return nil
	})
	for _, i := range old {
		if err != nil {
			break
		}
		feed := record.FeedKey{Author: key.Author, Feed: c.feeds[i]}
		d.mu.Lock()
		d.noteColdChangedLocked(key)
		d.mu.Unlock()
		for n := expireBatch; err == nil && n == expireBatch; deleted += n {
			n, err = d.expireFeedPart(feed, c.numbers[i], ms)
		}
		d.mu.Lock()
		d.noteColdChangedLocked(key)
		d.mu.Unlock()
	}
	if err != nil {
		return deleted, fmt.Errorf("expire: %w", err)
	}
	return deleted, nil
}
