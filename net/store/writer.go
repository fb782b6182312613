package store

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/net/group"
)

// perCommit bounds a transaction, in bytes of waiting operations, so that a Sync behind a flood of
// others' records gets its turn.
const maxCommitBytes = 8 << 20

// write is the writer: the only goroutine that writes to the file.
func (d *Disk) runWriter(ctx context.Context) {
	defer func() {
		d.mu.Lock()
		d.stopped = true
		d.wakeWaitersLocked()
		d.mu.Unlock()
	}()
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			d.flush() // the last chance
			return
		}
		group.Sleep(ctx, d.cfg.FlushEvery, d.urge)
		for d.flush() != nil && ctx.Err() == nil {
			group.Sleep(ctx, d.cfg.RetryEvery, d.urge)
		}
	}
}

// flush writes all that is queued. The error is why it couldn't; what was not written stays queued.
func (d *Disk) flush() error {
	for {
		d.mu.Lock()
		if len(d.flushing.ops) == 0 {
			d.flushing, d.pending = d.pending, batch{}
		}
		ops := d.flushing.ops
		d.mu.Unlock()
		if len(ops) == 0 {
			return nil
		}
		if err := d.commitBatch(ops); err != nil {
			d.noteFailed(err)
			return err
		}
		d.noteSaved(len(ops))
	}
}

// commitAll writes a batch, in several transactions if it is large. A damaged file is put aside once,
// and the batch then goes to the new one, from its beginning: some of it may have been in the old one.
func (d *Disk) commitBatch(ops []op) error {
	for first := true; ; first = false {
		opened, err := d.commitInParts(ops)
		if !isDamage(err) || !first {
			return err
		}
		if err := d.replaceDamaged(opened, err); err != nil {
			return err
		}
	}
}

func (d *Disk) commitInParts(ops []op) (opened int, err error) {
	if opened, err = d.ensureWritable(); err != nil {
		return opened, err
	}
	for len(ops) > 0 {
		n, size := 0, 0
		for n < len(ops) && (n == 0 || size+ops[n].size() <= maxCommitBytes) && (n == 0 || ops[n].kind != opExpire) {
			size += ops[n].size()
			n++
			if ops[n-1].kind == opExpire {
				break
			}
		}
		if opened, err = d.commit(ops[:n]); err != nil {
			return opened, err
		}
		ops = ops[n:]
	}
	return opened, nil
}

// ensure sees to it that there is a file to write to.
func (d *Disk) ensureWritable() (opened int, err error) {
	d.files.Lock()
	defer d.files.Unlock()
	if d.file != nil && !d.reading {
		return d.opened, nil
	}
	if d.file != nil {
		// It was opened for reading. Readers wait for the moment that this takes.
		if err := d.file.close(); err != nil {
			return d.opened, err
		}
		d.file = nil
	}
	err = d.openOrReplaceLocked()
	return d.opened, err
}

// commit writes some operations in one transaction, or does one opExpire.
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
		return d.opened, asDamage(d.expireFeeds(ops[0]))
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

// learn takes over into the ledger what only the writer could know.
func (d *Disk) updateLedger(ops []op, w *writeTx) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range ops {
		f, wrote := d.ledger.feeds[o.feed], w.touched[o.feed]
		if f == nil || wrote == nil {
			continue
		}
		switch {
		case o.kind == opEndAt && f.end() == wrote.end():
			f.head = wrote.head
		case o.kind == opDropRecord:
			delete(d.dropping, feedSeq{o.feed, o.seq})
			if wrote.hole > f.end() {
				continue
			}
			f.hole, f.head, f.time = wrote.hole, wrote.head, wrote.time
		}
	}
}

// saved drops a batch that is on disk.
func (d *Disk) noteSaved(n int) {
	d.mu.Lock()
	again := d.status.NotSaved != nil
	d.status.NotSaved = nil
	d.flushing = batch{}
	d.savedTotal += uint64(n)
	d.wakeWaitersLocked()
	s := d.statusLocked()
	d.mu.Unlock()
	if again {
		d.notify(s)
	}
}

// failed notes why nothing could be saved.
func (d *Disk) noteFailed(err error) {
	d.mu.Lock()
	first := d.status.NotSaved == nil || d.status.NotSaved.Error() != err.Error()
	d.status.NotSaved = err
	d.failedCommits++
	d.wakeWaitersLocked()
	s := d.statusLocked()
	d.mu.Unlock()
	if first {
		d.notify(s)
	}
}
