package store

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// Config says where a Disk is and who hears of its troubles. Path, Room and Group must be set.
type Config struct {
	Path  string // of the file; its folder must be there, and be this process's own
	Room  record.RoomID
	Group *group.Group // the writer runs in a child of it
	// Notify is told, one call at a time, whenever NotSaved, Aside or Unreadable changed. It
	// must not call the store. The first call may come from within Open.
	Notify          func(Status)
	Log             *slog.Logger
	MaxWaitingBytes int // bytes of memory that may wait for the disk; 0 for DefaultBytes

	FlushEvery time.Duration // at most so long something waits; 0 for 100 ms
	RetryEvery time.Duration // between attempts while nothing can be saved; 0 for 2 s

	fault  func() error // tests: the error of the next commit, in its stead
	noSync bool         // tests that don't ask what a power cut leaves
}

// Disk is a Store in a file. Close it before the group.
//
// Two locks, never taken one inside the other but in this order: files, which is held (shared) while
// the file is used and (alone) while it is exchanged; mu, which is held for moments only.
type Disk struct {
	cfg   Config
	group *group.Group
	wake  chan struct{} // something is queued
	urge  chan struct{} // somebody waits for it

	files   sync.RWMutex // guards the fields below
	file    *boltFile    // nil: there is none at present
	reading bool         // the file was opened for reading only
	opened  int          // counts files, so that one is put aside once
	repairs int          // of those, how many were begun because the one before was damaged

	mu            sync.Mutex // guards the fields below
	ledger        *ledger
	pending       batch         // queued
	flushing      batch         // being written
	queuedTotal   uint64        // operations ever queued
	savedTotal    uint64        // of those, how many are on disk
	failedCommits uint64        // failed commits
	changed       chan struct{} // closed and made anew when durable or attempts grew
	status        Status
	dropping      map[feedSeq]bool // damaged records that the writer has still to delete
	closed        bool             // Close was called
	stopped       bool             // the writer has ended

	notifying sync.Mutex // held while Notify runs
}

var _ Store = (*Disk)(nil)

// batch is what waits, in order, and its entries for readers.
type batch struct {
	ops   []op
	table memTable
	bytes int
}

func (b *batch) push(o op) {
	b.ops = append(b.ops, o)
	b.bytes += o.size()
	if o.entry != nil {
		b.table.add(*o.entry)
	}
}

// maxRepairs bounds how often a process begins a new file: more is no damage but an error of ours or
// a broken disk, and then nothing is saved.
const maxRepairs = 3

// Open opens the store's file, or begins it. A disk that is full, read-only or damaged is no error:
// the store works as far as it can, and its Status says so. The error is ErrNewer, or says that the
// file can't be read at all.
func Open(cfg Config) (*Disk, error) {
	if cfg.MaxWaitingBytes <= 0 {
		cfg.MaxWaitingBytes = DefaultBytes
	}
	if cfg.FlushEvery <= 0 {
		cfg.FlushEvery = 100 * time.Millisecond
	}
	if cfg.RetryEvery <= 0 {
		cfg.RetryEvery = 2 * time.Second
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Disk{
		cfg: cfg, group: cfg.Group.Child(),
		wake: make(chan struct{}, 1), urge: make(chan struct{}, 1), changed: make(chan struct{}),
		ledger: newLedger(), dropping: map[feedSeq]bool{},
	}
	if err := d.openFirst(); err != nil {
		return nil, err
	}
	d.group.Go("store/writer", d.runWriter)
	return d, nil
}

// Append is of Store.
func (d *Disk) Append(e Entry) error {
	if err := checkEntry(d.cfg.Room, &e); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	f := d.ledger.feeds[e.Record.FeedKey()]
	if f != nil {
		if wanted, known := f.accepts(e.Record.Seq()); known && !wanted {
			return nil
		}
	}
	o := op{kind: opAppend, entry: &e}
	if d.pending.bytes+d.flushing.bytes+o.size() > d.cfg.MaxWaitingBytes {
		d.status.Dropped++
		return ErrFull
	}
	if known, err := d.ledger.addIfNext(&e); known || err != nil {
		return err
	}
	d.queueLocked(o)
	return nil
}

// queue adds an operation. Called with mu held.
func (d *Disk) queueLocked(o op) {
	d.pending.push(o)
	d.queuedTotal++
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// WaitForSpace is of Store.
func (d *Disk) WaitForSpace(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.pending.bytes+d.flushing.bytes > d.cfg.MaxWaitingBytes/2 && d.status.NotSaved == nil && !d.stopped {
		d.urgeWriter()
		if err := d.waitForWriterLocked(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Sync is of Store.
func (d *Disk) Sync(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	target, attempts := d.queuedTotal, d.failedCommits
	for d.savedTotal < target {
		// After a failure an earlier batch may have been saved already: then it is this one's turn.
		if err := d.status.NotSaved; d.failedCommits > attempts && err != nil {
			return err
		}
		if d.stopped {
			return ErrClosed
		}
		d.urgeWriter()
		if err := d.waitForWriterLocked(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) urgeWriter() {
	select {
	case d.urge <- struct{}{}:
	default:
	}
}

// wait waits for the writer's next result. Called with mu held.
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

// tell wakes those who wait. Called with mu held.
func (d *Disk) wakeWaitersLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Frontier is of Store.
func (d *Disk) Frontier() []Feed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger.frontier()
}

// StartFeedAt is of Store.
func (d *Disk) StartFeedAt(key record.FeedKey, floor uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.ledger.findOrAdd(key, 0); !d.closed && f.startAt(floor) {
		d.queueLocked(op{kind: opStartAt, feed: key, seq: floor})
	}
}

// EndFeedAt is of Store.
func (d *Disk) EndFeedAt(key record.FeedKey, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	f := d.ledger.findOrAdd(key, 0)
	f.endAt(seq)
	f.head = record.ID{} // until the writer has looked it up
	d.queueLocked(op{kind: opEndAt, feed: key, seq: seq})
	for _, b := range []*batch{&d.pending, &d.flushing} {
		b.table.deleteFunc(func(k OrderKey, _ *Entry) bool { return k.feed() == key && k.Seq >= seq })
	}
}

// Put is of Store.
func (d *Disk) Put(name string, key, value []byte) error {
	if err := checkValueSize(name, key, value); err != nil {
		return err
	}
	return d.queueValue(op{kind: opPut, name: name, key: string(key), value: string(value)})
}

// Delete is of Store.
func (d *Disk) Delete(name string, key []byte) error {
	return d.queueValue(op{kind: opDelete, name: name, key: string(key)})
}

func (d *Disk) queueValue(o op) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	if d.pending.bytes+d.flushing.bytes+o.size() > d.cfg.MaxWaitingBytes {
		return ErrFull
	}
	d.queueLocked(o)
	return nil
}

// Status is of Store.
func (d *Disk) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.statusLocked()
}

func (d *Disk) statusLocked() Status {
	s := d.status
	s.Waiting = len(d.pending.ops) + len(d.flushing.ops)
	return s
}

// Close is of Store.
func (d *Disk) Close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again {
		return nil
	}
	d.group.Close() // the writer's last act is to save what waits
	_ = d.flush()   // and what came after it, when the group was stopped first; its error is in Status
	d.files.Lock()
	defer d.files.Unlock()
	var err error
	if d.file != nil {
		err = d.file.close()
		d.file = nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.pending.ops) + len(d.flushing.ops); n > 0 {
		err = errors.Join(err, d.status.NotSaved)
	}
	return err
}

func (d *Disk) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}
