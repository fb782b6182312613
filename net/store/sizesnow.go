package store

import (
	"context"
	"maps"

	"chat.lan/p2pchat/crypto/identity"
)

// WaitSizes implements Store.
func (d authorSizes) WaitSizes(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.ledger.sizes.known {
		if d.closed || d.stopped {
			return ErrClosed
		}
		if err := d.waitForWriterLocked(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Sizes implements Store.
func (d authorSizes) Sizes() (sizes map[identity.Key]int, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ledger.sizes.known {
		return nil, false
	}
	out := maps.Clone(d.ledger.sizes.bytes)
	for _, ops := range [][]op{d.flushing.ops[d.flushing.done:], d.pending.ops} {
		for i := range ops {
			author, n := ops[i].sizeChange()
			out[author] += n
		}
	}
	withoutUntaken(out, d.dropped)
	maps.DeleteFunc(out, func(author identity.Key, n int) bool { return n == 0 || d.removing[author] })
	return out, true
}

// sizeChange returns how many bytes more an author's records take once an operation is carried out. For a stub that
// only makes a run longer it is less.
func (o *op) sizeChange() (author identity.Key, n int) {
	switch {
	case o.entry != nil:
		return o.entry.Record.Author(), len(o.entry.Record.Signed()) + RecordOverhead
	case o.stub != nil:
		return o.stub.Key.Author, RecordOverhead
	}
	return o.feed.Author, -o.bytes
}

// withoutUntaken takes off what the caller of TakeDropped will add when it hears of these.
func withoutUntaken(sizes map[identity.Key]int, dropped []Dropped) {
	for _, drop := range dropped {
		sizes[drop.Author] -= drop.Asked - drop.Freed
	}
}

// Sizes implements Store.
func (m *Mem) Sizes() (sizes map[identity.Key]int, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[identity.Key]int{}
	for _, r := range m.table.rows {
		out[r.key.Author] += memSizeOf(r.entry)
	}
	for key, runs := range m.stubs {
		out[key.Author] += len(runs) * RecordOverhead
	}
	withoutUntaken(out, m.dropped)
	maps.DeleteFunc(out, func(_ identity.Key, n int) bool { return n == 0 })
	return out, true
}

// WaitSizes implements Store. A Mem counts them when it is asked.
func (m *Mem) WaitSizes(ctx context.Context) error { return ctx.Err() }
