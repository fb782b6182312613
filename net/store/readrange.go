package store

import (
	"bytes"
	"context"
	"slices"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
)

// ReadRange implements Store.
func (d *Disk) ReadRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error) {
	d.mu.Lock()
	f := d.ledger.feeds[key]
	if _, cold := d.ledger.coldNumber(key); f == nil && cold {
		d.mu.Unlock()
		return d.readColdRange(ctx, key, from, to, maxBytes)
	}
	if f == nil || f.end() == 0 {
		d.mu.Unlock()
		return nil, ctx.Err()
	}
	num := f.number
	from, to = max(from, f.floor), min(to, f.end()-1)
	end := f.end()
	var waiting []*Entry
	var stubs []*Stub
	for _, b := range []*batch{&d.flushing, &d.pending} {
		waiting = append(waiting, b.table.feedRange(key, from, to)...)
		for _, s := range b.stubs {
			if s.Key == key && s.To >= from && s.From <= to {
				stubs = append(stubs, s)
			}
		}
	}
	d.mu.Unlock()
	if from > to {
		return nil, ctx.Err()
	}
	var out []RawEntry
	var lost []OrderKey
	err := d.view(func(tx *bolt.Tx) error {
		out, lost = nil, nil
		if records := tx.Bucket(d.bucket('r')); records != nil {
			out, lost = readRun(records, num, key, from, to, maxBytes)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.dropDamaged(lost)
	if len(lost) > 0 {
		return out, ctx.Err()
	}
	return overlay(addWaiting(out, from, maxBytes, waiting, stubs, end), waiting), ctx.Err()
}

// addWaiting adds to the records from … on disk those behind them that wait for it, up to the first gap or end.
func addWaiting(out []RawEntry, from uint64, maxBytes int, waiting []*Entry, stubs []*Stub, end uint64) []RawEntry {
	next := from
	if len(out) > 0 {
		next = out[len(out)-1].Key.Seq + 1
	}
	left := maxBytes
	for _, r := range out {
		left -= len(r.Body)
	}
	for i := 0; i < len(waiting) || len(stubs) > 0; {
		if at := slices.IndexFunc(stubs, func(s *Stub) bool { return s.covers(next) && s.To < end }); at >= 0 {
			s := *stubs[at]
			s.From = next
			out, next = append(out, s.raw()), s.To+1
			continue
		}
		if i == len(waiting) {
			break
		}
		e := waiting[i]
		i++
		if e.Record.Seq() != next {
			continue // saved meanwhile, or it fills a place
		}
		if left -= len(e.Record.Signed()); left < 0 && len(out) > 0 {
			break
		}
		out = append(out, rawEntryOf(*e))
		next++
	}
	return out
}

// readRun reads a feed's records from … to, up to the first gap. A missing record waits for the
// disk, or was deleted just now.
func readRun(records *bolt.Bucket, num uint32, key record.FeedKey, from, to uint64, maxBytes int) (
	out []RawEntry, lost []OrderKey) {
	c := records.Cursor()
	want := from
	for k, v := c.Seek(recordKey(num, from)); want <= to; k, v = c.Next() {
		if isStub(v) && bytes.HasPrefix(k, recordKey(num, 0)[:4]) {
			s, ok := decodeStub(k, v)
			if ok && s.From > want {
				break
			}
			if !ok || s.Key != key {
				return out, []OrderKey{{Author: key.Author, Feed: key.Feed, Seq: want}}
			}
			s.From = max(s.From, want)
			out, want = append(out, s.raw()), s.To+1
			continue
		}
		if !bytes.Equal(k, recordKey(num, want)) {
			break
		}
		r, ok := decodeRecord(k, v)
		if !ok {
			return out, []OrderKey{{Author: key.Author, Feed: key.Feed, Seq: want}}
		}
		if maxBytes -= len(r.Body); maxBytes < 0 && len(out) > 0 {
			break
		}
		if c, err := record.Parse(r.Body, r.Sig[:]); err == nil {
			r.Key = orderKeyOfBody(c.Body())
		}
		out = append(out, r)
		want++
	}
	return out, nil
}
