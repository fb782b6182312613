package store

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/search"
)

// readBatch limits the records examined in one read transaction. A long transaction makes the
// writer wait when the file must grow, and keeps old pages from being reused.
const readBatch = 4096

// view runs fn in a read transaction, or not at all if there is no file. It replaces a damaged
// file, and runs fn again on the new one.
func (d *Disk) view(fn func(*bolt.Tx) error) error {
	return d.retryOnDamage(func() (opened int, err error) {
		if d.isClosed() {
			return 0, ErrClosed
		}
		d.files.RLock()
		defer d.files.RUnlock()
		if d.file != nil {
			err = asDamage(d.file.transact(false, fn))
		}
		return d.opened, err
	})
}

// span is a stretch of the order of records.
type span struct {
	raws []RawEntry // nearest first
	last OrderKey   // all records up to here were examined
	end  bool       // no more records follow
}

// spanQuery says what to read of the order: at most n records behind from, or before it if back is
// set, whose bodies pass want. A nil want passes all.
type spanQuery struct {
	from OrderKey
	back bool
	n    int
	want func(body []byte) bool
}

func (d *Disk) readSpan(q spanQuery) (s span, err error) {
	// Waiting entries are read first. Those saved meanwhile are then seen twice, but none is
	// missed.
	d.mu.Lock()
	var waiting []RawEntry
	for _, b := range []*batch{&d.flushing, &d.pending} {
		for _, e := range b.table.nearest(q.from, q.back, q.n, func(e *Entry) bool {
			return d.ledger.isVisible(OrderKeyOf(e.Record)) && (q.want == nil || q.want([]byte(e.Record.Signed())))
		}) {
			waiting = append(waiting, rawEntryOf(e))
		}
	}
	d.mu.Unlock()
	s.end = true
	var lost []OrderKey
	err = d.view(func(tx *bolt.Tx) error {
		s, lost = span{end: true}, nil
		records, order := tx.Bucket(d.bucket('r')), tx.Bucket(d.bucket('o'))
		if records == nil || order == nil {
			return nil
		}
		s, lost, err = d.readSpanFromDisk(records, order, q)
		return err
	})
	if err != nil {
		return span{}, err
	}
	d.dropDamaged(lost)
	return s.mergeWaiting(waiting, q), nil
}

// mergeWaiting adds entries that wait for the disk.
func (s span) mergeWaiting(waiting []RawEntry, q spanQuery) span {
	sign := 1
	if q.back {
		sign = -1
	}
	for _, r := range waiting {
		if s.end || sign*r.Key.Compare(s.last) <= 0 {
			s.raws = append(s.raws, r)
		}
	}
	slices.SortStableFunc(s.raws, func(a, b RawEntry) int { return sign * a.Key.Compare(b.Key) })
	s.raws = slices.CompactFunc(s.raws, func(a, b RawEntry) bool { return a.Key == b.Key })
	if len(s.raws) >= q.n && q.n > 0 {
		s.raws, s.end = s.raws[:q.n], false
		s.last = s.raws[q.n-1].Key // waiting entries may follow before the last one examined on disk
	}
	return s
}

// readSpanFromDisk reads a stretch as readSpan does, of records on disk only. lost lists damaged records.
func (d *Disk) readSpanFromDisk(records, order *bolt.Bucket, q spanQuery) (s span, lost []OrderKey, err error) {
	c := order.Cursor()
	step := c.Next
	if q.back {
		step = c.Prev
	}
	looked := 0
	k := seekOrder(c, q.from, q.back)
	for ; k != nil && looked < readBatch && len(s.raws) < q.n; k, _ = step() {
		looked++
		key, ok := decodeOrderKey(k)
		if !ok || !q.from.IsZero() && (key.Compare(q.from) < 0) != q.back {
			return s, nil, damaged("a place in the order")
		}
		q.from, s.last = key, key
		at, err := d.locate(key)
		if err != nil {
			return s, nil, err
		}
		if at == nil {
			continue
		}
		v := records.Get(at)
		if v == nil {
			return s, nil, damaged("a place in the order for a record that isn't there")
		}
		if q.want != nil && !q.want(bodyOf(v)) {
			continue
		}
		r, ok := decodeRecord(at, v)
		if !ok {
			lost = append(lost, key)
			continue
		}
		if r.Key = key; !matchesKey(d.cfg.Room, r) {
			return s, nil, damaged("a record in another's place")
		}
		s.raws = append(s.raws, r)
	}
	s.end = k == nil
	return s, lost, nil
}

// seekOrder moves a cursor over the order to the first key behind from, or before it if back is
// set.
func seekOrder(c *bolt.Cursor, from OrderKey, back bool) []byte {
	at := from.encode()
	k, _ := c.Seek(at)
	switch {
	case back && (k == nil || from.IsZero()):
		k, _ = c.Last()
	case back:
		k, _ = c.Prev()
	case bytes.Equal(k, at):
		k, _ = c.Next()
	}
	return k
}

// locate returns the key of a record in the file; nil if readers may not see the record.
func (d *Disk) locate(k OrderKey) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch f := d.ledger.feeds[k.feed()]; {
	case f != nil && k.Seq < f.next:
		return recordKey(f.number, k.Seq), nil
	case f != nil && f.forked: // behind the feed's end, for a moment
		return nil, nil
	case f == nil:
		if number, cold := d.ledger.coldNumber(k.feed()); cold {
			return recordKey(number, k.Seq), nil
		}
	}
	return nil, damaged("a place in the order for a record that never came")
}

// dropDamaged makes the writer delete damaged records. Peers then send them again after the next
// start. A key's time is zero if it is unknown: then the place in the order stays.
func (d *Disk) dropDamaged(keys []OrderKey) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, k := range keys {
		if at := (feedSeq{k.feed(), k.Seq}); !d.dropping[at] && !d.closed {
			d.dropping[at] = true // readers may meet the record again before the writer deletes it
			d.status.Unreadable++
			d.queueLocked(op{kind: opDropRecord, feed: at.feed, seq: at.seq, key: string(k.encode())})
		}
	}
}

// feedSeq is a record's place in a feed.
type feedSeq struct {
	feed record.FeedKey
	seq  uint64
}

// spans reads the order from q.from on, in spans of at most q.n records, until an error or ctx's end.
func (d *Disk) spans(ctx context.Context, q spanQuery) iter.Seq2[[]RawEntry, error] {
	return func(yield func([]RawEntry, error) bool) {
		for s := (span{last: q.from}); !s.end; {
			err := ctx.Err()
			if err != nil {
				yield(nil, err)
				return
			}
			q.from = s.last
			if s, err = d.readSpan(q); !yield(s.raws, err) || err != nil {
				return
			}
		}
	}
}

// ReadBefore implements Store.
func (d *Disk) ReadBefore(ctx context.Context, key OrderKey, n int) (out []Entry, err error) {
	if n <= 0 {
		return nil, nil
	}
	for raws, failed := range d.spans(ctx, spanQuery{from: key, back: true, n: n}) {
		out, err = append(out, d.verifyOrDrop(raws)...), failed
		if len(out) >= n {
			out = out[:n]
			break
		}
	}
	slices.Reverse(out)
	return out, err
}

// ReadAll implements Store.
func (d *Disk) ReadAll(ctx context.Context, since time.Time) iter.Seq2[RawEntry, error] {
	return func(yield func(RawEntry, error) bool) {
		firsts, err := d.findFirsts(ctx, since)
		if err != nil {
			yield(RawEntry{}, err)
			return
		}
		for raws, err := range d.spans(ctx, spanQuery{n: readBatch}) {
			if err != nil {
				yield(RawEntry{}, err)
				return
			}
			for _, r := range raws {
				first, any := firsts[r.Key.feed()]
				if (since.IsZero() || any && r.Key.Seq >= first) && !yield(r, nil) {
					return
				}
			}
		}
	}
}

// Search implements Store.
func (d *Disk) Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error] {
	query := search.NewText(text)
	return func(yield func(Entry, error) bool) {
		contains := func(body []byte) bool { return query.Contains(unverifiedText(body)) }
		for raws, err := range d.spans(ctx, spanQuery{from: before, back: true, n: 64, want: contains}) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			for _, e := range d.verifyOrDrop(raws) {
				if e.Record.Text() != "" && !yield(e, nil) {
					return
				}
			}
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

// verifyOrDrop verifies signatures. A bad signature under a good checksum was written so, and is
// treated as damage.
func (d *Disk) verifyOrDrop(raws []RawEntry) (out []Entry) {
	var bad []OrderKey
	for _, r := range raws {
		if e, err := r.Verify(); err == nil {
			out = append(out, e)
		} else {
			bad = append(bad, r.Key)
		}
	}
	d.dropDamaged(bad)
	return out
}
