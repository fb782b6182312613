package store

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/search"
)

// DefaultBytes limits the memory, in bytes, that a Mem holds and that may wait for a Disk. The
// count is an estimate.
const DefaultBytes = 64 << 20

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
	values map[string]map[string][]byte
	bytes  int
	closed bool
}

var _ Store = (*Mem)(nil)

// NewMem returns an empty store for a room. It holds at most limit bytes; 0 for DefaultBytes.
func NewMem(room record.RoomID, limit int) *Mem {
	if limit <= 0 {
		limit = DefaultBytes
	}
	return &Mem{
		room: room, limit: limit, ledger: newLedger(),
		values: map[string]map[string][]byte{},
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
	if known, err := m.ledger.addIfNext(&e); known || err != nil {
		return err
	}
	m.table.add(e)
	m.bytes += entrySize(&e)
	for m.bytes > m.limit && len(m.table.keys) > 1 {
		m.trimLargestFeedLocked()
	}
	return nil
}

// trimLargestFeedLocked drops the oldest eighth of the largest feed: a long flood must not pay for
// this search at every record.
func (m *Mem) trimLargestFeedLocked() {
	sizes := map[record.FeedKey]int{}
	var largest record.FeedKey
	for _, k := range m.table.keys {
		if sizes[k.feed()]++; sizes[k.feed()] > sizes[largest] {
			largest = k.feed()
		}
	}
	beginning := m.table.feedRange(largest, 0, noHole)[:max(1, sizes[largest]/8)]
	floor := beginning[len(beginning)-1].Record.Seq() + 1
	f := m.ledger.feeds[largest]
	f.floor = max(f.floor, floor)
	m.deleteLocked(func(k OrderKey, _ *Entry) bool { return k.feed() == largest && k.Seq < floor })
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
func (m *Mem) ShareFrom(ctx context.Context, since time.Time) (map[record.FeedKey]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[record.FeedKey]uint64{}
	for key, f := range m.ledger.feeds {
		out[key] = f.floor
	}
	for i, e := range m.table.entries {
		key := m.table.keys[i]
		if e.Arrived.Before(since) {
			out[key.feed()] = max(out[key.feed()], key.Seq+1)
		}
	}
	for key, f := range m.ledger.feeds {
		if out[key] >= f.end() {
			delete(out, key)
		}
	}
	return out, ctx.Err()
}

// StartFeedAt implements Store.
func (m *Mem) StartFeedAt(key record.FeedKey, floor uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ledger.findOrAdd(key, floor).startAt(floor)
}

// EndFeedAt implements Store.
func (m *Mem) EndFeedAt(key record.FeedKey, seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.ledger.findOrAdd(key, 0)
	f.endAt(seq)
	m.deleteLocked(func(k OrderKey, _ *Entry) bool { return k.feed() == key && k.Seq >= seq })
	f.head = record.ID{}
	if last := m.table.feedRange(key, f.end()-1, f.end()-1); f.end() > f.floor && len(last) > 0 {
		f.head = last[0].Record.ID()
	}
}

func (m *Mem) deleteLocked(gone func(OrderKey, *Entry) bool) int {
	return m.table.deleteFunc(func(k OrderKey, e *Entry) bool {
		if !gone(k, e) {
			return false
		}
		m.bytes -= entrySize(e)
		return true
	})
}

// Expire implements Store.
func (m *Mem) Expire(ctx context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.expireLocked(before.UnixMilli()), ctx.Err()
}

func (m *Mem) expireLocked(ms int64) int {
	// A feed loses only its beginning, up to the first record that is young enough.
	young := map[record.FeedKey]uint64{}
	for i, e := range m.table.entries {
		key := m.table.keys[i]
		first, any := young[key.feed()]
		if retentionTime(key.Time.Ms, e.Arrived.UnixMilli(), e.Live) >= ms && (!any || key.Seq < first) {
			young[key.feed()] = key.Seq
		}
	}
	for key, f := range m.ledger.feeds {
		first, any := young[key]
		if !any {
			first = f.next
		}
		f.floor = max(f.floor, first)
	}
	return m.deleteLocked(func(k OrderKey, _ *Entry) bool {
		first, any := young[k.feed()]
		return !any || k.Seq < first
	})
}

// retentionTime returns the time, in ms, from which the age of a record counts.
func retentionTime(said, arrived int64, live bool) int64 {
	if live {
		return arrived
	}
	return min(said, arrived)
}

// ReadBefore implements Store.
func (m *Mem) ReadBefore(ctx context.Context, key OrderKey, n int) ([]Entry, error) {
	out := m.readPage(key, true, n, func(*Entry) bool { return true })
	slices.Reverse(out)
	return out, ctx.Err()
}

func (m *Mem) readPage(key OrderKey, back bool, n int, want func(*Entry) bool) []Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Entry
	for _, e := range m.table.nearest(key, back, n, want) {
		out = append(out, *e)
	}
	return out
}

// ReadRange implements Store.
func (m *Mem) ReadRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.ledger.feeds[key]
	if f == nil || f.end() == 0 {
		return nil, ctx.Err()
	}
	var out []RawEntry
	for _, e := range m.table.feedRange(key, max(from, f.floor), min(to, f.end()-1)) {
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
		all := m.readPage(OrderKey{}, false, int(^uint(0)>>1), func(*Entry) bool { return true })
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

func noteFirst(firsts map[record.FeedKey]uint64, k OrderKey) {
	if first, any := firsts[k.feed()]; !any || k.Seq < first {
		firsts[k.feed()] = k.Seq
	}
}

// Search implements Store.
func (m *Mem) Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error] {
	query := search.NewText(text)
	return func(yield func(Entry, error) bool) {
		for ctx.Err() == nil {
			hits := m.readPage(before, true, 1, func(e *Entry) bool { return query.Contains(e.Record.Text()) })
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
