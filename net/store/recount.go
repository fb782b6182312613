package store

import (
	"context"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
)

// recountStep is how many records are counted between two looks at ctx.
const recountStep = 1 << 12

// recountIfUnknown counts the bytes of all authors' records in the background, if the file doesn't have the sums. Only
// the writer calls it. It returns when what is counted is settled: what the writer adds from then on comes on top. So
// no transaction is counted twice.
func (d authorSizes) recountIfUnknown() {
	d.mu.Lock()
	s := d.ledger.sizes
	due := !s.known && d.counting != s
	if due {
		d.counting = s
		clear(s.bytes) // these are in the file
	}
	d.mu.Unlock()
	if !due {
		return
	}
	began := make(chan struct{})
	running := d.group.Go("store/recount", func(ctx context.Context) {
		base, err := countSizes(ctx, d.Disk, began)
		if err != nil {
			d.cfg.Log.Warn("the bytes of each author were not counted", "error", err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		if err == nil && d.ledger.sizes == s { // else another file is open by now
			s.setBase(base)
			if !d.closed {
				d.queueLocked(op{kind: opWriteSizes})
			}
		} else if d.counting == s {
			d.counting = nil
		}
		d.wakeWaitersLocked()
	})
	if running {
		<-began
	}
}

// countSizes sums up the records of one moment. It closes began once that moment is settled.
func countSizes(ctx context.Context, d *Disk, began chan struct{}) (map[identity.Key]int, error) {
	settled := false
	defer func() {
		if !settled {
			close(began)
		}
	}()
	d.mu.Lock()
	authors := make(map[uint32]identity.Key, len(d.ledger.feeds))
	for key, f := range d.ledger.feeds {
		authors[f.number] = key.Author
	}
	for block, c := range d.ledger.cold {
		for _, number := range c.numbers {
			authors[number] = block.Author
		}
	}
	d.mu.Unlock()
	base := map[identity.Key]int{}
	err := d.view(func(tx *bolt.Tx) error {
		if settled {
			return ErrClosed // the file proved damaged, and this is another one
		}
		settled = true
		close(began)
		records := tx.Bucket(d.bucket('r'))
		if records == nil {
			return nil
		}
		n := 0
		c := records.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if n++; n%recountStep == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if number, _, ok := splitRecordKey(k); ok {
				base[authors[number]] += sizeOfValue(v)
			}
		}
		return nil
	})
	delete(base, identity.Key{}) // their feeds are none that the ledger knows
	return base, err
}
