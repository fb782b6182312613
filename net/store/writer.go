package store

import (
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/net/group"
)

// perCommit bounds a transaction, in bytes of waiting operations, so that a Sync behind a flood of
// others' records gets its turn.
const perCommit = 8 << 20

// write is the writer: the only goroutine that writes to the file.
func (d *Disk) write(ctx context.Context) {
	defer func() {
		d.mu.Lock()
		d.stopped = true
		d.tell()
		d.mu.Unlock()
	}()
	for {
		select {
		case <-d.kick:
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
			d.flushing, d.fresh = d.fresh, batch{}
		}
		ops := d.flushing.ops
		d.mu.Unlock()
		if len(ops) == 0 {
			return nil
		}
		if err := d.commitAll(ops); err != nil {
			d.failed(err)
			return err
		}
		d.saved(len(ops))
	}
}

// commitAll writes a batch, in several transactions if it is large. A damaged file is put aside once,
// and the batch then goes to the new one, from its beginning: some of it may have been in the old one.
func (d *Disk) commitAll(ops []op) error {
	for first := true; ; first = false {
		opened, err := d.commitParts(ops)
		if !isDamage(err) || !first {
			return err
		}
		if err := d.repair(opened, err); err != nil {
			return err
		}
	}
}

func (d *Disk) commitParts(ops []op) (opened int, err error) {
	if opened, err = d.ensure(); err != nil {
		return opened, err
	}
	for len(ops) > 0 {
		n, size := 0, 0
		for n < len(ops) && (n == 0 || size+ops[n].weight() <= perCommit) && (n == 0 || ops[n].kind != opExpire) {
			size += ops[n].weight()
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
func (d *Disk) ensure() (opened int, err error) {
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
	err = d.openOrBegin()
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
			return d.opened, d.explain(err)
		}
	}
	defer d.shut()()
	if ops[0].kind == opExpire {
		return d.opened, asDamage(d.expire(ops[0]))
	}
	var w *writing
	err = d.file.transact(true, func(tx *bolt.Tx) (err error) {
		if w, err = d.writing(tx); err != nil {
			return err
		}
		for i := range ops {
			if err := w.apply(&ops[i]); err != nil {
				return err
			}
		}
		return w.finish()
	})
	if err == nil {
		d.learn(ops, w)
	}
	return d.opened, d.explain(asDamage(err))
}

// learn takes over into the ledger what only the writer could know.
func (d *Disk) learn(ops []op, w *writing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range ops {
		f, wrote := d.ledger.feeds[o.feed], w.held[o.feed]
		if f == nil || wrote == nil {
			continue
		}
		switch {
		case o.kind == opCut && f.end() == wrote.end():
			f.head = wrote.head
		case o.kind == opLose:
			delete(d.losing, spot{o.feed, o.seq})
			if wrote.hole > f.end() {
				continue
			}
			f.hole, f.head, f.time = wrote.hole, wrote.head, wrote.time
		}
	}
}

// saved drops a batch that is on disk.
func (d *Disk) saved(n int) {
	d.mu.Lock()
	again := d.status.NotSaved != nil
	d.status.NotSaved = nil
	d.flushing = batch{}
	d.durable += uint64(n)
	d.tell()
	s := d.statusNow()
	d.mu.Unlock()
	if again {
		d.notify(s)
	}
}

// failed notes why nothing could be saved.
func (d *Disk) failed(err error) {
	d.mu.Lock()
	first := d.status.NotSaved == nil || d.status.NotSaved.Error() != err.Error()
	d.status.NotSaved = err
	d.attempts++
	d.tell()
	s := d.statusNow()
	d.mu.Unlock()
	if first {
		d.notify(s)
	}
}
