package store

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/search"
)

// defaultMemBytes limits the memory that a Mem holds. The count is an estimate.
const defaultMemBytes = 64 << 20

// entryOverhead is the estimated memory of an entry besides its body, in bytes.
const entryOverhead = 512

// Mem is a Store in memory, for --ephemeral and for tests. When it is full, it drops the oldest
// records of its largest feed and raises the feed's floor.
type Mem struct {
	room  record.RoomID
	limit int

	mu     sync.Mutex // guards everything below
	ledger *ledger
	table  memTable
	stubs  map[record.FeedKey][]Stub // in order
	values map[string]map[string][]byte
	bytes  int
	closed bool

	dropped []Dropped // for TakeDropped
	ahead   map[identity.Key]int
}

var _ Store = (*Mem)(nil)

// NewMem returns an empty store for a room. It holds at most limit bytes; 0 for 64 MiB.
func NewMem(room record.RoomID, limit int) *Mem {
	return &Mem{
		room: room, limit: cmp.Or(limit, defaultMemBytes), ledger: newLedger(),
		values: map[string]map[string][]byte{}, stubs: map[record.FeedKey][]Stub{}, ahead: map[identity.Key]int{},
	}
}

// Append implements Store. It always finds space.
func (m *Mem) Append(e Entry) error {
	if err := checkEntry(m.room, &e); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if wanted, err := m.ledger.wants(&e); !wanted {
		return err
	}
	m.ledger.add(&e)
	m.table.add(e)
	m.bytes += entrySize(&e)
	for m.bytes > m.limit && len(m.table.rows) > 1 {
		m.trimLargestFeedLocked()
	}
	return nil
}

// trimLargestFeedLocked drops the oldest eighth of the largest feed: a long flood must not pay for
// this search at every record.
func (m *Mem) trimLargestFeedLocked() {
	sizes := map[record.FeedKey]int{}
	var largest record.FeedKey
	for _, r := range m.table.rows {
		feed := r.key.feed()
		if sizes[feed]++; sizes[feed] > sizes[largest] {
			largest = feed
		}
	}
	beginning := m.table.feedRange(largest, 0, noHole)[:max(1, sizes[largest]/8)]
	floor := beginning[len(beginning)-1].Record.Seq() + 1
	m.deleteLocked(func(k OrderKey) bool { return k.feed() == largest && k.Seq < floor })
	m.raiseFloorLocked(largest, floor)
}

func entrySize(e *Entry) int { return entryOverhead + 2*len(e.Record.Signed()) }

// WaitForSpace implements Store.
func (m *Mem) WaitForSpace(ctx context.Context) error { return ctx.Err() }

// Sync implements Store. It has nothing to wait for.
func (m *Mem) Sync(ctx context.Context) error { return ctx.Err() }

// Frontier implements Store.
func (m *Mem) Frontier() []Feed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ledger.frontier()
}

// ShareFrom implements Store.
func (m *Mem) ShareFrom(ctx context.Context, since time.Time, keys []record.FeedKey) (map[record.FeedKey]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[record.FeedKey]uint64{}
	for _, key := range keys {
		if f := m.ledger.feeds[key]; f != nil {
			out[key] = f.floor
		}
	}
	for _, r := range m.table.rows {
		if floor, asked := out[r.key.feed()]; asked && r.entry.Arrived.Before(since) {
			out[r.key.feed()] = max(floor, r.key.Seq+1)
		}
	}
	for _, key := range keys {
		if m.ledger.feeds[key] == nil {
			continue
		}
		for _, s := range m.stubs[key] {
			if s.covers(out[key]) || s.To >= out[key] && s.Arrived.Before(since) {
				out[key] = s.To + 1 // a peer can't begin a feed with a stub
			}
		}
	}
	maps.DeleteFunc(out, func(key record.FeedKey, floor uint64) bool { return floor >= m.ledger.feeds[key].end() })
	return out, ctx.Err()
}

// StartFeedAt implements Store.
func (m *Mem) StartFeedAt(key record.FeedKey, floor uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ledger.findOrAdd(key, floor).startAt(floor)
}

// EndFeedAt implements Store.
func (m *Mem) EndFeedAt(key record.FeedKey, seq uint64, before record.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.ledger.findOrAdd(key, 0)
	f.endAt(seq)
	m.deleteLocked(func(k OrderKey) bool { return k.feed() == key && k.Seq >= seq })
	if from := m.cutStubsLocked(key, seq); from < f.next {
		f.hole = max(f.floor, min(f.hole, from))
	}
	var here record.ID
	if f.end() > f.floor {
		here = m.idAtLocked(key, f.end()-1)
	}
	f.head = f.headAfterCut(seq, here, before)
}

// deleteLocked removes the entries at keys for which gone returns true, and returns their number.
func (m *Mem) deleteLocked(gone func(OrderKey) bool) int {
	before := len(m.table.rows)
	m.table.rows = slices.DeleteFunc(m.table.rows, func(r memRow) bool {
		if !gone(r.key) {
			return false
		}
		m.bytes -= entrySize(r.entry)
		m.noteDroppedLocked(r.entry)
		return true
	})
	return before - len(m.table.rows)
}

// Expire implements Store. A feed loses only its beginning, up to the first record that is young
// enough.
func (m *Mem) Expire(ctx context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	young := map[record.FeedKey]uint64{}
	for _, r := range m.table.rows {
		if retentionTime(r.key.Time.Ms, r.entry.Arrived.UnixMilli(), r.entry.Live) >= before.UnixMilli() {
			noteFirst(young, r.key)
		}
	}
	for key, runs := range m.stubs {
		for _, s := range runs {
			if !s.Arrived.Before(before) {
				noteFirst(young, OrderKey{Author: key.Author, Feed: key.Feed, Seq: s.From})
			}
		}
	}
	for key, f := range m.ledger.feeds {
		if _, any := young[key]; !any {
			young[key] = f.next
		}
		m.raiseFloorLocked(key, young[key])
	}
	return m.deleteLocked(func(k OrderKey) bool { return k.Seq < young[k.feed()] }), ctx.Err()
}

// ReadBefore implements Store.
func (m *Mem) ReadBefore(ctx context.Context, key OrderKey, n int) ([]Entry, error) {
	out := m.nearest(key, true, n, nil)
	slices.Reverse(out)
	return out, ctx.Err()
}

func (m *Mem) nearest(key OrderKey, back bool, n int, want func(*Entry) bool) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.table.nearest(key, back, n, want)
}

// ReadRange implements Store.
func (m *Mem) ReadRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.ledger.feeds[key]
	if f == nil || f.end() == 0 {
		return nil, ctx.Err()
	}
	from, to = max(from, f.floor), min(to, f.end()-1)
	var out []RawEntry
	runs := m.stubs[key]
	for _, e := range append(m.table.feedRange(key, from, to), nil) {
		for ; len(runs) > 0 && runs[0].From <= to && (e == nil || runs[0].To < e.Record.Seq()); runs = runs[1:] {
			if s := runs[0]; s.To >= from {
				s.From = max(s.From, from)
				out = append(out, s.raw())
			}
		}
		if e == nil {
			break
		}
		if maxBytes -= len(e.Record.Signed()); maxBytes < 0 && len(out) > 0 {
			break
		}
		out = append(out, rawEntryOf(*e))
	}
	return out, ctx.Err()
}

// ReadAll implements Store.
func (m *Mem) ReadAll(ctx context.Context, since time.Time) iter.Seq2[RawEntry, error] {
	return func(yield func(RawEntry, error) bool) {
		all := m.nearest(OrderKey{}, false, math.MaxInt, nil)
		firsts := map[record.FeedKey]uint64{}
		for _, e := range all {
			if k := OrderKeyOf(e.Record); k.Time.Ms >= since.UnixMilli() {
				noteFirst(firsts, k)
			}
		}
		for _, e := range all {
			k := OrderKeyOf(e.Record)
			if first, any := firsts[k.feed()]; since.IsZero() || any && k.Seq >= first {
				if !yield(rawEntryOf(e), nil) {
					return
				}
			}
		}
		if err := ctx.Err(); err != nil {
			yield(RawEntry{}, err)
		}
	}
}

// Search implements Store.
func (m *Mem) Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error] {
	query := search.NewText(text)
	return func(yield func(Entry, error) bool) {
		for ctx.Err() == nil {
			hits := m.nearest(before, true, 1, func(e *Entry) bool { return query.Contains(e.Record.Text()) })
			if len(hits) == 0 || !yield(hits[0], nil) {
				return
			}
			before = OrderKeyOf(hits[0].Record)
		}
		yield(Entry{}, ctx.Err())
	}
}

// Put implements Store.
func (m *Mem) Put(name string, key, value []byte) error {
	if err := checkValueSize(name, key, value); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values[name] == nil {
		m.values[name] = map[string][]byte{}
	}
	m.values[name][string(key)] = bytes.Clone(value)
	return nil
}

// Delete implements Store.
func (m *Mem) Delete(name string, key []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values[name], string(key))
	return nil
}

// ListValues implements Store.
func (m *Mem) ListValues(ctx context.Context, name string) ([]KeyValue, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sortedValues(m.values[name]), ctx.Err()
}

// Status implements Store. A Mem has nothing to report.
func (m *Mem) Status() Status { return Status{} }

// Close implements Store.
func (m *Mem) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// memTable holds entries in memory: all entries of a Mem, or those that wait for the disk. Its
// store's lock guards it. Sorting waits for a reader, so that a flood seldom pays for it.
type memTable struct {
	rows   []memRow
	sorted bool
}

// memRow is an entry with its place in the order.
type memRow struct {
	key   OrderKey
	entry *Entry
}

func (t *memTable) add(e Entry) {
	key := OrderKeyOf(e.Record)
	n := len(t.rows)
	t.sorted = n == 0 || t.sorted && key.Compare(t.rows[n-1].key) >= 0
	t.rows = append(t.rows, memRow{key, &e})
}

// nearest returns at most n entries behind from, or before it if back is set, the nearest first. It
// leaves out entries that don't pass want; a nil want passes all.
func (t *memTable) nearest(from OrderKey, back bool, n int, want func(*Entry) bool) (out []Entry) {
	if !t.sorted {
		slices.SortStableFunc(t.rows, func(a, b memRow) int { return a.key.Compare(b.key) })
		t.sorted = true
	}
	at, found := slices.BinarySearchFunc(t.rows, from, func(r memRow, k OrderKey) int { return r.key.Compare(k) })
	step := 1
	switch {
	case back && from.IsZero():
		at, step = len(t.rows)-1, -1
	case back:
		at, step = at-1, -1
	case found:
		at++
	}
	for ; at >= 0 && at < len(t.rows) && len(out) < n; at += step {
		if e := t.rows[at].entry; want == nil || want(e) {
			out = append(out, *e)
		}
	}
	return out
}

// feedRange returns a feed's entries from … to, sorted by seq.
func (t *memTable) feedRange(key record.FeedKey, from, to uint64) (out []*Entry) {
	for _, r := range t.rows {
		if r.key.Seq >= from && r.key.Seq <= to && r.key.feed() == key {
			out = append(out, r.entry)
		}
	}
	slices.SortFunc(out, func(a, b *Entry) int { return cmp.Compare(a.Record.Seq(), b.Record.Seq()) })
	return out
}
