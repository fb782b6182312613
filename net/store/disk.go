package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// Config says where a Disk is and how it works. Path, Room and Group must be set.
type Config struct {
	Path            string // its folder must exist, and be used by this process only
	Room            record.RoomID
	Group           *group.Group // the writer runs in a child of it
	Log             *slog.Logger
	MaxWaitingBytes int // bytes of memory that may wait for the disk; 0 for 64 MiB
	// WarmFeeds is how many feeds a file may have for all their states to be read at once; 0 for 8192.
	WarmFeeds int

	FlushEvery time.Duration // the longest time until a queued record is written; 0 for 100 ms
	RetryEvery time.Duration // between attempts while saving fails; 0 for 2 s

	fault  func() error // tests: returns an error in place of the next commit
	noSync bool         // tests that simulate no power cut
}

// Disk is a Store in a file. Close it before its group.
//
// It has two locks. files is held shared while the file is used, and alone while the file is
// replaced. mu is held for moments only. Lock order: files, then mu. Methods that end in
// Locked need mu; those in open.go need files, alone.
type Disk struct {
	authorSizes
	coldFeeds
	cfg   Config
	group *group.Group
	wake  chan struct{} // signals the writer that the queue isn't empty
	urge  chan struct{} // signals the writer that a caller waits

	files   sync.RWMutex // guards the fields below
	file    *boltFile    // nil while there is none
	reading bool         // the file is open for reading only
	opened  int          // counts opened files, so that each is moved aside at most once
	repairs int          // counts files that replaced a damaged file

	mu            sync.Mutex // guards the fields below
	ledger        *ledger
	pending       batch  // queued
	flushing      batch  // in the writer's hands
	spare         []op   // an empty list that the next batch reuses
	queuedTotal   uint64 // operations ever queued
	savedTotal    uint64 // operations ever saved
	failedCommits uint64
	changed       chan struct{} // closed and replaced when savedTotal or failedCommits grows
	status        Status
	dropping      map[feedSeq]bool      // damaged records that the writer has yet to delete
	removing      map[identity.Key]bool // authors that the writer has yet to remove
	dropped       []Dropped             // for TakeDropped
	counting      *sizes                // those that are counted anew
	coldEpoch     uint64                // grows when the file's state of a cold feed changes
	changedBlocks map[BlockKey]bool     // for TakeChanged
	closed        bool                  // Close was called
	stopped       bool                  // the writer has ended
}

var _ Store = (*Disk)(nil)

// defaultWaitingBytes limits the memory of operations that wait for the disk. The count is an estimate.
const defaultWaitingBytes = 64 << 20

// maxRepairs limits how often a process replaces a damaged file. More repairs mean an error of ours
// or a broken disk. The store then saves nothing more.
const maxRepairs = 3

// Open opens the store's file, or creates it. A disk that is full, read-only or damaged is no
// error: the store works as far as it can, and its Status says so. The only error is ErrNewer.
func Open(cfg Config) (*Disk, error) {
	cfg.MaxWaitingBytes = cmp.Or(cfg.MaxWaitingBytes, defaultWaitingBytes)
	cfg.FlushEvery = cmp.Or(cfg.FlushEvery, 100*time.Millisecond)
	cfg.RetryEvery = cmp.Or(cfg.RetryEvery, 2*time.Second)
	cfg.WarmFeeds = cmp.Or(cfg.WarmFeeds, maxWarmFeeds)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Disk{
		cfg: cfg, group: cfg.Group.Child(),
		wake: make(chan struct{}, 1), urge: make(chan struct{}, 1), changed: make(chan struct{}),
		ledger: newLedger(), dropping: map[feedSeq]bool{},
	}
	d.authorSizes, d.coldFeeds = authorSizes{d}, coldFeeds{d}
	d.files.Lock()
	err := d.openOrReplaceLocked()
	d.files.Unlock()
	if errors.Is(err, ErrNewer) {
		return nil, fmt.Errorf("%s: %w", cfg.Path, err)
	}
	d.noteOpened(err)
	d.group.Go("store/writer", d.runWriter)
	return d, nil
}

// Frontier implements Store.
func (d *Disk) Frontier() []Feed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger.frontier()
}

// StartFeedAt implements Store.
func (d *Disk) StartFeedAt(key record.FeedKey, floor uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, cold := d.ledger.coldNumber(key); cold || d.closed {
		return
	}
	if f := d.ledger.findOrAdd(key, 0); f.startAt(floor) {
		d.queueLocked(op{kind: opStartAt, feed: key, seq: floor})
	}
}

// EndFeedAt implements Store.
func (d *Disk) EndFeedAt(key record.FeedKey, seq uint64, before record.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, cold := d.ledger.coldNumber(key); cold || d.closed {
		return
	}
	f := d.ledger.findOrAdd(key, 0)
	f.endAt(seq)
	f.head = f.headAfterCut(seq, record.ID{}, before) // until the writer has read it
	d.queueLocked(op{kind: opEndAt, feed: key, seq: seq, before: before})
	for _, b := range []*batch{&d.pending, &d.flushing} {
		b.table.rows = slices.DeleteFunc(b.table.rows, func(r memRow) bool {
			return r.key.feed() == key && r.key.Seq >= seq
		})
	}
}

// Put implements Store.
func (d *Disk) Put(name string, key, value []byte) error {
	if err := checkValueSize(name, key, value); err != nil {
		return err
	}
	return d.queueValue(op{kind: opPut, name: name, key: string(key), value: string(value)})
}

// Delete implements Store.
func (d *Disk) Delete(name string, key []byte) error {
	return d.queueValue(op{kind: opDelete, name: name, key: string(key)})
}

// Status implements Store.
func (d *Disk) Status() Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.status
	s.Waiting = len(d.pending.ops) + len(d.flushing.ops)
	return s
}

// Close implements Store.
func (d *Disk) Close() error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again {
		return nil
	}
	d.group.Close()  // makes the writer save the queue and end
	err := d.flush() // saves what the writer couldn't, and what a caller queued after it ended
	d.files.Lock()
	defer d.files.Unlock()
	if d.file != nil {
		err = errors.Join(err, d.file.close())
		d.file = nil
	}
	return err
}

func (d *Disk) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}
