package store

import (
	"context"

	"chat.lan/p2pchat/crypto/identity"
)

// batch is a queue of operations, with a table of their entries for readers.
type batch struct {
	ops   []op
	table memTable
	stubs []*Stub
	bytes int
	of    map[identity.Key]int // bytes of each author's records and stubs
	drops map[identity.Key]int // places in ops of the last opDropOldest of each author
	done  int                  // so many of ops are in the file
	file  int                  // Disk.opened of the file that has these
}

// freePerAuthor is how many times the memory that is still free an author's records may take: seven eighths of all,
// if no one else's wait. So a flood that the disk can't follow costs no one else a record.
const freePerAuthor = 7

func (b *batch) push(o op) {
	b.ops = append(b.ops, o)
	b.bytes += o.size()
	if o.entry != nil {
		b.table.add(*o.entry)
	}
	if o.stub != nil {
		b.stubs = append(b.stubs, o.stub)
	}
	if author, ok := o.author(); ok {
		if b.of == nil {
			b.of = map[identity.Key]int{}
		}
		b.of[author] += o.size()
	}
}

// Append implements Store.
func (d *Disk) Append(e Entry) error {
	if err := checkEntry(d.cfg.Room, &e); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	if d.removing[e.Record.Author()] {
		return ErrFull // the removal that waits would delete this record as well
	}
	wanted, err := d.ledger.wants(&e)
	if !wanted && err == nil {
		return nil
	}
	o := op{kind: opAppend, entry: &e}
	if !d.hasSpaceLocked(&o) {
		d.status.Dropped++
		return ErrFull
	}
	if err != nil {
		return err
	}
	d.ledger.add(&e)
	d.queueLocked(o)
	return nil
}

// hasSpaceLocked reports whether an operation fits, and its author's part has space.
func (d *Disk) hasSpaceLocked(o *op) bool {
	free := d.cfg.MaxWaitingBytes - d.pending.bytes - d.flushing.bytes - o.size()
	author, any := o.author()
	return free >= 0 && (!any || d.pending.of[author]+d.flushing.of[author]+o.size() <= freePerAuthor*free)
}

// queueLocked queues an operation and wakes the writer.
func (d *Disk) queueLocked(o op) {
	d.pending.push(o)
	d.queuedTotal++
	key := o.feed
	if o.entry != nil {
		key = o.entry.Record.FeedKey()
	}
	if f := d.ledger.feeds[key]; f != nil {
		f.queued = d.queuedTotal
	}
	signal(d.wake)
}

// signal makes c, of capacity 1, ready for its receiver.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// waitAbove says above which part of MaxWaitingBytes records wait that can be asked for again: an eighth.
const waitAbove = 8

// WaitForSpace implements Store.
func (d *Disk) WaitForSpace(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.pending.bytes+d.flushing.bytes > d.cfg.MaxWaitingBytes/waitAbove && d.status.NotSaved == nil && !d.stopped {
		signal(d.urge)
		if err := d.waitForWriterLocked(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Sync implements Store.
func (d *Disk) Sync(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncLocked(ctx)
}

func (d *Disk) syncLocked(ctx context.Context) error {
	target, attempts := d.queuedTotal, d.failedCommits
	for d.savedTotal < target {
		// An earlier batch may have failed and been saved since; then the next attempt is ours.
		if err := d.status.NotSaved; d.failedCommits > attempts && err != nil {
			return err
		}
		if d.stopped {
			return ErrClosed
		}
		signal(d.urge)
		if err := d.waitForWriterLocked(ctx); err != nil {
			return err
		}
	}
	return nil
}

// waitForWriterLocked unlocks mu, waits for the writer's next result, and locks mu again.
func (d *Disk) waitForWriterLocked(ctx context.Context) error {
	changed := d.changed
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wakeWaitersLocked wakes the callers of waitForWriterLocked.
func (d *Disk) wakeWaitersLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *Disk) queueValue(o op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	if !d.hasSpaceLocked(&o) {
		return ErrFull
	}
	d.queueLocked(o)
	return nil
}
