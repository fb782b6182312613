package store

import (
	"cmp"
	"slices"

	"chat.lan/p2pchat/crypto/record"
)

// memTable holds entries in memory: all entries of a Mem, or those that wait for the disk. Its
// store's lock guards it. Sorting waits for a reader, so that a flood seldom pays for it.
type memTable struct {
	entries []*Entry
	keys    []OrderKey // their places, at the same indices
	sorted  bool
}

func (t *memTable) add(e Entry) {
	key := OrderKeyOf(e.Record)
	if n := len(t.keys); n == 0 {
		t.sorted = true
	} else if t.sorted && key.Compare(t.keys[n-1]) < 0 {
		t.sorted = false
	}
	t.entries, t.keys = append(t.entries, &e), append(t.keys, key)
}

func (t *memTable) sortByKey() {
	if t.sorted {
		return
	}
	order := make([]int, len(t.keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return t.keys[a].Compare(t.keys[b]) })
	entries, keys := make([]*Entry, len(order)), make([]OrderKey, len(order))
	for i, j := range order {
		entries[i], keys[i] = t.entries[j], t.keys[j]
	}
	t.entries, t.keys, t.sorted = entries, keys, true
}

// nearest returns at most n entries behind from, or before it if back is set, the nearest first.
func (t *memTable) nearest(from OrderKey, back bool, n int, want func(*Entry) bool) (out []*Entry) {
	t.sortByKey()
	at, found := slices.BinarySearchFunc(t.keys, from, OrderKey.Compare)
	if back && from.IsZero() {
		at = len(t.keys)
	} else if !back && found && !from.IsZero() {
		at++
	}
	for ; len(out) < n; at++ {
		i := at
		if back {
			i = at - 1
			at -= 2
		}
		if i < 0 || i >= len(t.entries) {
			break
		}
		if want(t.entries[i]) {
			out = append(out, t.entries[i])
		}
	}
	return out
}

// deleteFunc removes the entries for which gone returns true, and returns their number.
func (t *memTable) deleteFunc(gone func(OrderKey, *Entry) bool) (n int) {
	kept := 0
	for i, e := range t.entries {
		if gone(t.keys[i], e) {
			n++
			continue
		}
		t.entries[kept], t.keys[kept] = e, t.keys[i]
		kept++
	}
	clear(t.entries[kept:])
	t.entries, t.keys = t.entries[:kept], t.keys[:kept]
	return n
}

// feedRange returns a feed's entries from … to, sorted by seq.
func (t *memTable) feedRange(key record.FeedKey, from, to uint64) (out []*Entry) {
	for i, k := range t.keys {
		if k.Seq >= from && k.Seq <= to && k.Feed == key.Feed && k.Author == key.Author {
			out = append(out, t.entries[i])
		}
	}
	slices.SortFunc(out, func(a, b *Entry) int { return cmp.Compare(a.Record.Seq(), b.Record.Seq()) })
	return out
}
