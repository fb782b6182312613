package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// The versions of the format in the package comment. A file is of the first until it holds a stub.
const (
	schemaRecords = 1
	schema        = 2
)

var (
	bucketMeta   = []byte("meta")
	bucketValues = []byte("kv")
	keySchema    = []byte("schema")
)

// bucketName returns the name of one of a room's buckets.
func bucketName(letter byte, room record.RoomID) []byte { return append([]byte{letter}, room[:]...) }

func (d *Disk) bucket(letter byte) []byte { return bucketName(letter, d.cfg.Room) }

// openOrReplaceLocked opens the file, and replaces it if it is damaged.
func (d *Disk) openOrReplaceLocked() error {
	err := d.openLocked("")
	if isDamage(err) {
		err = d.replaceDamagedLocked(err)
	}
	return err
}

// noteOpened notes why records can't be saved to an opened file; nil if they can.
func (d *Disk) noteOpened(err error) {
	d.mu.Lock()
	d.status.NotSaved = err
	d.mu.Unlock()
	if err != nil {
		d.warnNotSaved(err)
	}
}

func (d *Disk) warnNotSaved(err error) { d.cfg.Log.Warn("records are not saved", "error", err) }

// openLocked opens the file, for writing if possible, and loads the ledger. It first recovers what
// is readable of the damaged file aside, unless aside is "". Beside an open file, the error says
// why that is open for reading only.
func (d *Disk) openLocked(aside string) error {
	if err := checkRegular(d.cfg.Path); err != nil {
		return err
	}
	info, err := os.Stat(d.cfg.Path)
	fresh := errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
	if !fresh {
		if err := checkFile(d.cfg.Path); err != nil {
			return d.explainError(err)
		}
	}
	f, err := openBolt(&d.cfg, false)
	if err == nil && fresh {
		if err = asDamage(f.transact(true, createBuckets)); err != nil {
			_ = f.close() // the error in hand says more
		}
	}
	if err != nil && fresh {
		os.Remove(d.cfg.Path) // on a full disk; the next start would take the file for damaged
		return d.explainError(err)
	}
	reading := err != nil && !isDamage(err)
	if reading {
		f, _ = openBolt(&d.cfg, true) // the first error says why
	}
	if f == nil {
		return d.explainError(err)
	}
	recovered := 0
	if aside != "" {
		var err error
		if recovered, err = recoverFrom(f, aside); err != nil {
			d.cfg.Log.Error("not all that could be read of the damaged file was taken over", "error", err)
		}
	}
	led := newLedger()
	d.mu.Lock()
	inUse := map[BlockKey]bool{}
	for key := range d.ledger.feeds {
		inUse[BlockOf(key)] = true
	}
	d.mu.Unlock()
	loadErr := asDamage(f.transact(false, func(tx *bolt.Tx) error { return d.readLedger(tx, led, inUse) }))
	if loadErr != nil {
		_ = f.close()
		return d.explainError(loadErr)
	}
	if aside != "" {
		led.sizes.known, led.sizes.bytes = false, map[identity.Key]int{} // sums of the damaged file, if any
	}
	d.installLocked(f, reading, led, aside, recovered)
	return d.explainError(err)
}

// installLocked makes an opened file the current one, and counts waiting operations into its
// ledger.
func (d *Disk) installLocked(f *boltFile, reading bool, led *ledger, aside string, recovered int) {
	d.file, d.reading = f, reading
	d.opened++
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range []*ledger{d.ledger, led} { // the new file may hold less
		for key := range l.cold {
			if d.opened > 1 {
				d.noteColdChangedLocked(key)
			}
		}
	}
	d.ledger = led
	if aside != "" {
		d.status.Aside, d.status.Recovered = aside, d.status.Recovered+recovered
	}
	for _, b := range []*batch{&d.flushing, &d.pending} {
		for _, o := range b.ops {
			d.replayLocked(o)
		}
	}
}

// explainError adds advice for the user to an error of the disk.
func (d *Disk) explainError(err error) error {
	switch {
	case err == nil || isDamage(err) || errors.Is(err, ErrNewer):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: make room on the disk of %s", err, d.cfg.Path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: make %s writable, or choose another folder with --profile", err, d.cfg.Path)
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%s is in use by another process: end it", d.cfg.Path)
	}
	return fmt.Errorf("%s: %w", d.cfg.Path, err)
}

// checkRegular returns damage for a path that leads to anything but a file. Opening a named pipe
// would wait for its other end, and no signal ends that. A path that can't be examined passes:
// opening it returns a better error.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() {
		return nil
	}
	return damaged("it is no file (%s)", info.Mode().Type())
}

// checkFile checks a file's structure. Its errors are damage, unless the file can't be read.
func checkFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkPages(f, info.Size()); err != nil {
		return damaged("%w", err)
	}
	return nil
}

func openBolt(cfg *Config, reading bool) (*boltFile, error) {
	var db *bolt.DB
	err := catchFaults(func() (err error) {
		db, err = bolt.Open(cfg.Path, 0o600, &bolt.Options{
			Timeout: time.Second, ReadOnly: reading, FreelistType: bolt.FreelistMapType,
			NoSync: cfg.noSync, NoGrowSync: cfg.noSync,
		})
		return err
	})
	if err != nil {
		return nil, asDamage(err)
	}
	return &boltFile{db: db}, nil
}

// asDamage turns those of bbolt's errors that mean damage into damage.
func asDamage(err error) error {
	if slices.ContainsFunc([]error{
		berrors.ErrInvalid, berrors.ErrVersionMismatch, berrors.ErrChecksum,
		berrors.ErrIncompatibleValue, berrors.ErrBucketNotFound, berrors.ErrBucketExists,
	}, func(d error) bool { return errors.Is(err, d) }) {
		return damaged("%w", err)
	}
	return err
}

// createBuckets sets up a new file.
func createBuckets(tx *bolt.Tx) error {
	m, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	if _, err := tx.CreateBucketIfNotExists(bucketValues); err != nil {
		return err
	}
	return putSchema(m, schemaRecords)
}

// checkBucketNames checks that each room has its three buckets, and that there are no others.
func checkBucketNames(tx *bolt.Tx) error {
	rooms := map[string]int{}
	c := tx.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		name := string(k)
		if len(name) != 1+len(record.RoomID{}) || !strings.Contains("rof", name[:1]) {
			if name != string(bucketMeta) && name != string(bucketValues) {
				return damaged("a bucket %q", name)
			}
			continue
		}
		rooms[name[1:]]++
	}
	for room, n := range rooms {
		if n != 3 {
			return damaged("room %x has %d buckets of 3", room, n)
		}
	}
	return nil
}

// readLedger checks the file's format and reads what the file holds of each feed. Blocks that are in use don't become
// cold.
func (d *Disk) readLedger(tx *bolt.Tx, led *ledger, inUse map[BlockKey]bool) error {
	m := tx.Bucket(bucketMeta)
	if m == nil || tx.Bucket(bucketValues) == nil {
		return damaged("no bucket for the schema or the values")
	}
	v, ok := verifyChecksum(tagSchema, keySchema, m.Get(keySchema))
	if !ok || len(v) != 4 {
		return damaged("no schema version")
	}
	if have := binary.BigEndian.Uint32(v); have > schema {
		return fmt.Errorf("%w (schema %d, this program knows %d)", ErrNewer, have, schema)
	}
	if err := checkBucketNames(tx); err != nil {
		return err
	}
	if feeds := tx.Bucket(d.bucket('f')); feeds != nil {
		c := feeds.Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			key, f, ok := decodeFeed(k, v)
			if !ok {
				return damaged("the state of a feed")
			}
			led.load(key, f, inUse, d.cfg.WarmFeeds)
			led.sizes.addFeed(key)
		}
	}
	led.sortCold()
	led.sizes.read(tx, d.cfg.Room)
	return nil
}

// replaceDamagedLocked moves the file aside and creates a new one with what is readable of it.
// cause is the damage.
func (d *Disk) replaceDamagedLocked(cause error) error {
	if d.file != nil {
		_ = d.file.close() // its content is not to be trusted
		d.file = nil
	}
	if d.repairs == maxRepairs {
		return fmt.Errorf("%s was damaged again and again: the disk may be broken (%w)", d.cfg.Path, cause)
	}
	d.repairs++
	ext := filepath.Ext(d.cfg.Path)
	aside := strings.TrimSuffix(d.cfg.Path, ext) + "-damaged-" + time.Now().UTC().Format("20060102T150405.000") + ext
	if err := os.Rename(d.cfg.Path, aside); err != nil {
		return d.explainError(err)
	}
	d.cfg.Log.Error("the file of records is damaged", "cause", cause, "aside", aside)
	return d.openLocked(aside)
}

// retryOnDamage runs use, which returns the number of the opened file that it used. If the file
// proves damaged, it replaces the file and runs use once more.
func (d *Disk) retryOnDamage(use func() (opened int, err error)) error {
	opened, err := use()
	if !isDamage(err) {
		return err
	}
	if err := d.replaceDamaged(opened, err); err != nil {
		return err
	}
	_, err = use()
	return err
}

// replaceDamaged replaces a file that proved damaged in use. opened is the file's number then.
func (d *Disk) replaceDamaged(opened int, cause error) error {
	d.files.Lock()
	if d.opened != opened || d.file == nil {
		d.files.Unlock()
		return nil // another goroutine replaced it
	}
	err := d.replaceDamagedLocked(cause)
	d.files.Unlock()
	d.noteOpened(err)
	return err
}

// replayLocked counts a waiting operation into the ledger of a newer file.
func (d *Disk) replayLocked(o op) {
	switch o.kind {
	case opAppend:
		d.ledger.add(o.entry)
	case opSkip:
		d.ledger.addStub(o.stub)
	case opStartAt:
		d.ledger.findOrAdd(o.feed, 0).startAt(o.seq)
	case opEndAt:
		f := d.ledger.findOrAdd(o.feed, 0)
		f.endAt(o.seq)
		f.head = f.headAfterCut(o.seq, record.ID{}, o.before) // until the writer has read it
	}
}
