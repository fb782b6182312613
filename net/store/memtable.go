package store

import (
	"cmp"
	"slices"

	"chat.lan/p2pchat/crypto/record"
)

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
