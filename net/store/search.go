package store

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"maps"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/search"
)

// Search implements Store.
func (d *Disk) Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error] {
	query := search.NewText(text)
	return func(yield func(Entry, error) bool) {
		for {
			if err := ctx.Err(); err != nil {
				yield(Entry{}, err)
				return
			}
			s, err := d.readSpan(before, true, 64, func(body []byte) bool { return query.Contains(unverifiedText(body)) })
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range d.verifyOrDrop(s.raws) {
				if e.Record.Text() != "" && !yield(e, nil) {
					return
				}
			}
			if s.end {
				return
			}
			before = s.last
		}
	}
}

// textPrefix precedes the text of a message. No free text stands before it in a body, so it can't
// appear by chance.
var textPrefix = []byte(`,"data":{"text":"`)

// unverifiedText returns the text of a message whose signature is not verified; "" for other
// records.
func unverifiedText(body []byte) string {
	_, quoted, found := bytes.Cut(body, textPrefix)
	quoted, closed := bytes.CutSuffix(quoted, []byte(`"}}`))
	if !found || !closed {
		return ""
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted)
	}
	var text string
	if json.Unmarshal([]byte(`"`+string(quoted)+`"`), &text) != nil {
		return ""
	}
	return text
}

// ReadAll implements Store.
func (d *Disk) ReadAll(ctx context.Context, since time.Time) iter.Seq2[RawEntry, error] {
	return func(yield func(RawEntry, error) bool) {
		firsts, err := d.findFirsts(ctx, since)
		var at OrderKey
		for err == nil {
			if err = ctx.Err(); err != nil {
				break
			}
			var s span
			if s, err = d.readSpan(at, false, readBatch, nil); err != nil {
				break
			}
			for _, r := range s.raws {
				if first, any := firsts[r.Key.feed()]; !since.IsZero() && (!any || r.Key.Seq < first) {
					continue
				}
				if !yield(r, nil) {
					return
				}
			}
			if s.end {
				return
			}
			at = s.last
		}
		yield(RawEntry{}, err)
	}
}

// findFirsts returns, for each feed that has any, the least seq with a time of since or later.
func (d *Disk) findFirsts(ctx context.Context, since time.Time) (map[record.FeedKey]uint64, error) {
	firsts := map[record.FeedKey]uint64{}
	if since.IsZero() {
		return firsts, nil
	}
	d.mu.Lock()
	for _, b := range []*batch{&d.flushing, &d.pending} {
		for _, k := range b.table.keys {
			if k.Time.Ms >= since.UnixMilli() {
				noteFirst(firsts, k)
			}
		}
	}
	d.mu.Unlock()
	at := OrderKey{}
	at.Time.Ms = since.UnixMilli()
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part, last := map[record.FeedKey]uint64{}, at
		done = true
		err := d.view(func(tx *bolt.Tx) error {
			part, last, done = map[record.FeedKey]uint64{}, at, true
			order := tx.Bucket(d.bucket('o'))
			if order == nil {
				return nil
			}
			c := order.Cursor()
			looked := 0
			for k := seekOrder(c, at, false); k != nil; k, _ = c.Next() {
				key, ok := decodeOrderKey(k)
				if !ok {
					return damaged("a place in the order")
				}
				noteFirst(part, key)
				last = key
				if looked++; looked == readBatch {
					done = false
					break
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for key, seq := range maps.All(part) {
			noteFirst(firsts, OrderKey{Author: key.Author, Feed: key.Feed, Seq: seq})
		}
		at = last
	}
	return firsts, nil
}

// ListValues implements Store.
func (d *Disk) ListValues(ctx context.Context, name string) ([]KeyValue, error) {
	d.mu.Lock()
	waiting := append(append([]op(nil), d.flushing.ops...), d.pending.ops...)
	d.mu.Unlock()
	prefix := valueKey(name, nil)
	found := map[string][]byte{}
	err := d.view(func(tx *bolt.Tx) error {
		found = map[string][]byte{}
		values := tx.Bucket(bucketValues)
		if values == nil {
			return damaged("no bucket for the values")
		}
		c := values.Cursor()
		for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
			_, data, ok := decodeValue(k, v)
			if !ok {
				return damaged("a value under %q", name)
			}
			found[string(k[len(prefix):])] = data
		}
		return nil
	})
	for _, o := range waiting {
		switch {
		case o.name != name:
		case o.kind == opPut:
			found[o.key] = []byte(o.value)
		case o.kind == opDelete:
			delete(found, o.key)
		}
	}
	if err != nil {
		return nil, err
	}
	return sortedValues(found), ctx.Err()
}
