package store

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/net/group"
)

// maxCommitBytes limits the operations of a transaction, so that a Sync behind a flood of peers'
// records gets its turn.
const maxCommitBytes = 8 << 20

// maxSpare is the longest list of operations that is reused.
const maxSpare = 64

// runWriter writes the queue to the file until ctx ends. No other goroutine writes, except Close at
// the end.
func (d *Disk) runWriter(ctx context.Context) {
	defer func() {
		d.mu.Lock()
		d.stopped = true
		d.wakeWaitersLocked()
		d.mu.Unlock()
	}()
	for {
		d.recountIfUnknown()
		select {
		case <-d.wake:
		case <-ctx.Done():
			d.flush() // the last chance
			return
		}
		group.Sleep(ctx, d.cfg.FlushEvery, d.urge)
		for d.flush() != nil && ctx.Err() == nil {
			d.recountIfUnknown()
			group.Sleep(ctx, d.cfg.RetryEvery, d.urge)
		}
	}
}

// flush writes the whole queue. On an error, unwritten operations stay queued.
func (d *Disk) flush() error {
	for {
		d.mu.Lock()
		if len(d.flushing.ops) == 0 {
			d.flushing, d.pending = d.pending, batch{ops: d.spare}
			d.spare = nil
		}
		ops := d.flushing.ops
		d.mu.Unlock()
		if len(ops) == 0 {
			return nil
		}
		if err := d.retryOnDamage(func() (int, error) { return d.commitBatch(ops) }); err != nil {
			d.noteFailed(err)
			return err
		}
		d.noteSaved(len(ops))
	}
}

// commitBatch writes a batch, in several transactions if it is large. After a failure it goes on behind those that
// are on disk. A file that replaces a damaged file gets the batch from its beginning, as the old file may have had a
// part.
func (d *Disk) commitBatch(ops []op) (opened int, err error) {
	if opened, err = d.ensureWritable(); err != nil {
		return opened, err
	}
	d.mu.Lock()
	if d.flushing.file != opened {
		d.flushing.file, d.flushing.done = opened, 0
	}
	ops = ops[d.flushing.done:]
	d.mu.Unlock()
	for len(ops) > 0 {
		n, size := 1, ops[0].size() // an opExpire has its own transactions
		for ops[0].kind != opExpire && n < len(ops) && ops[n].kind != opExpire && size+ops[n].size() <= maxCommitBytes {
			size += ops[n].size()
			n++
		}
		if opened, err = d.commit(ops[:n]); err != nil {
			return opened, err
		}
		ops = ops[n:]
	}
	return opened, nil
}

// ensureWritable makes sure that a file is open for writing.
func (d *Disk) ensureWritable() (opened int, err error) {
	d.files.Lock()
	defer d.files.Unlock()
	if d.file != nil && !d.reading {
		return d.opened, nil
	}
	if d.file != nil {
		// It is open for reading. Readers wait for a moment.
		if err := d.file.close(); err != nil {
			return d.opened, err
		}
		d.file = nil
	}
	err = d.openOrReplaceLocked()
	return d.opened, err
}

// commit writes some operations in one transaction, or carries out one opExpire.
func (d *Disk) commit(ops []op) (opened int, err error) {
	d.files.RLock()
	defer d.files.RUnlock()
	if d.file == nil {
		return d.opened, fmt.Errorf("%s is not open", d.cfg.Path)
	}
	if d.cfg.fault != nil {
		if err := d.cfg.fault(); err != nil {
			return d.opened, d.explainError(err)
		}
	}
	defer d.lockForCommit()()
	if ops[0].kind == opExpire {
		if err = d.expireFeeds(ops[0]); err == nil {
			d.mu.Lock()
			d.flushing.done++
			d.mu.Unlock()
		}
		return d.opened, asDamage(err)
	}
	var w *writeTx
	err = d.file.transact(true, func(tx *bolt.Tx) (err error) {
		if w, err = d.newWriteTx(tx); err != nil {
			return err
		}
		for i := range ops {
			if err := w.apply(&ops[i]); err != nil {
				return err
			}
		}
		return w.writeFeeds()
	})
	if err == nil {
		d.updateLedger(ops, w)
	}
	return d.opened, d.explainError(asDamage(err))
}

// updateLedger copies to the ledger what only the writer found out.
func (d *Disk) updateLedger(ops []op, w *writeTx) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.noteSizesLocked()
	w.noteDropsLocked()
	d.flushing.done += len(ops)
	for _, o := range ops {
		f, wrote := d.ledger.feeds[o.feed], w.touched[o.feed]
		if _, cold := d.ledger.coldNumber(o.feed); f == nil && cold && o.kind == opDropRecord {
			delete(d.dropping, feedSeq{o.feed, o.seq})
			d.noteColdChangedLocked(BlockOf(o.feed))
		}
		if f == nil || wrote == nil {
			continue
		}
		switch {
		case o.kind == opEndAt && wrote.end() <= f.end():
			f.hole, f.head = wrote.hole, wrote.head
		case o.kind == opDropRecord:
			delete(d.dropping, feedSeq{o.feed, o.seq})
			if wrote.hole > f.end() {
				continue
			}
			f.hole, f.head, f.time = wrote.hole, wrote.head, wrote.time
		}
	}
}

// noteSaved drops a batch that is on disk.
func (d *Disk) noteSaved(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.status.NotSaved = nil
	if ops := d.flushing.ops; cap(ops) <= maxSpare {
		clear(ops)
		d.spare = ops[:0]
	}
	d.flushing = batch{}
	d.savedTotal += uint64(n)
	d.wakeWaitersLocked()
}

// noteFailed notes why saving fails.
func (d *Disk) noteFailed(err error) {
	d.mu.Lock()
	first := d.status.NotSaved == nil || d.status.NotSaved.Error() != err.Error()
	d.status.NotSaved = err
	d.failedCommits++
	d.wakeWaitersLocked()
	d.mu.Unlock()
	if first {
		d.warnNotSaved(err)
	}
}
