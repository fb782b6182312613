// Package store keeps one room's records, on disk (Disk) or in memory (Mem).
//
// Append only queues. One goroutine, the writer, saves the queue in groups and syncs the file, at
// most 100 ms later. So sending or receiving a message never waits for a disk. Code that must wait
// calls Sync: a ballot is on disk before it is sent. Readers see queued records as well as saved
// ones.
//
// The file, records.db, is a bbolt database. It may hold several rooms. A bucket's name is a letter
// and the room's id (16 bytes), or a word. Numbers are big-endian, and times are milliseconds since
// 1970.
//
//	bucket     key                                                      value
//	meta       "schema"                                                 tag m: the version, u32: 1, or 2 once
//	                                                                    the file has held a tag s
//	r ‖ room   feed number u32 ‖ seq u64                                tag r: a record; tag s: a stub, which
//	                                                                    stands for a run that ends at seq
//	o ‖ room   time.ms ‖ time.n ‖ author ‖ feed ‖ seq, in 8+8+32+8+8    nothing: the order of records
//	f ‖ room   feed number u32                                          tag f: the state of a feed
//	kv         length of name u8 ‖ name ‖ key                           tag k: a value of another package
//
// Feed numbers count the feeds of a room in this file. A value, unless it is empty, consists of a
// CRC-32C over its key and the rest (u32), the tag, and the content:
//
//	m   version u32
//	s   room 16 ‖ author 32 ‖ feed u64 ‖ first seq u64 ‖ arrival i64 ‖ id of the last record 32
//	r   flags u8 (1: live) ‖ length of name u8 ‖ arrival i64 ‖ signature 64 ‖ name ‖ signed body
//	f   author 32 ‖ feed u64 ‖ floor u64 ‖ next u64 ‖ hole u64 (2⁶⁴-1: none) ‖ id of the last record 32
//	    ‖ its time.ms i64 ‖ its time.n i64 ‖ last arrival i64 ‖ forked u8 ‖ name
//	k   number of the transaction u64 ‖ value
//
// The kv bucket's names are "votes", "disputes", "first-met", "forks" and "bytes", each with "/" and the
// room's id in hex. "bytes" has the size of each author's records (u64), and under the name without a room
// the number of the transaction that wrote the sizes (sizes.go). "met", of earlier versions, is ignored. A file with a
// greater version is refused with ErrNewer; a program that changes the format must raise the version.
//
// Only the state of each feed is in memory, so that a million records cost a start no more than ten. Of
// many thousand feeds, memory has the states of those in use (cold.go).
// Readers check checksums, and verify signatures before a record is shown. A damaged record is
// deleted and counted, and its feed's frontier ends below it, so that peers send it again.
// Structural damage is found before bbolt opens the file (boltcheck.go) or in use (bolt.go). The
// file is then renamed to records-damaged-<time>.db, and a new file takes over what is readable of
// it (recover.go).
//
// bbolt lets only one process open the file. An export beside a running program copies the file, and
// a lock on records.db.gate keeps commits out of the copy (snapshot.go).
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Errors of a Store, beside record.ErrOtherRoom.
var (
	ErrGap    = errors.New("record does not follow what the store has of its feed")
	ErrFull   = errors.New("too much waits to be saved")
	ErrClosed = errors.New("store is closed")
	ErrNewer  = errors.New("records were written by a newer version of p2pchat: update it, or use another --profile or --ephemeral")
	ErrTooBig = errors.New("value is over its size limit")
)

// OrderKey is a record's place in the order of all records: time, author, feed, seq. It is
// comparable.
type OrderKey struct {
	Time   record.Time
	Author identity.Key
	Feed   record.Feed
	Seq    uint64
}

// OrderKeyOf returns a record's place.
func OrderKeyOf(r *record.Record) OrderKey {
	return OrderKey{Time: r.Time(), Author: r.Author(), Feed: r.Feed(), Seq: r.Seq()}
}

func orderKeyOfBody(b record.Body) OrderKey {
	return OrderKey{Time: b.Time, Author: b.Author, Feed: b.Feed, Seq: b.Seq}
}

// Compare orders keys as record.Compare orders records.
func (k OrderKey) Compare(other OrderKey) int {
	return cmp.Or(
		k.Time.Compare(other.Time),
		k.Author.Compare(other.Author),
		cmp.Compare(k.Feed, other.Feed),
		cmp.Compare(k.Seq, other.Seq),
	)
}

// IsZero reports whether k is the zero OrderKey, which no record has.
func (k OrderKey) IsZero() bool { return k == OrderKey{} }

func (k OrderKey) feed() record.FeedKey { return record.FeedKey{Author: k.Author, Feed: k.Feed} }

// Entry is a record with what only this peer knows of it.
type Entry struct {
	Record  *record.Record
	Name    string    // the author's name at that time
	Arrived time.Time // to the millisecond
	Live    bool      // came when it was sent, not by catching up
	Skipped bool      // the body isn't kept: StubOf returns what is
}

// RawEntry is a record, or a stub, as it lies on disk: its checksum is right, its signature is not verified.
// Peers and readers of exports get it, and verify it themselves. Verify returns what may be shown.
type RawEntry struct {
	Key     OrderKey
	Body    string
	Sig     [64]byte
	Name    string
	Arrived time.Time
	Live    bool
	Stub    *Stub // only ReadRange returns stubs; then Key has no time, and its Seq is that of the last record
}

// First returns the seq of the first record that r is or stands for.
func (r *RawEntry) First() uint64 {
	if r.Stub != nil {
		return r.Stub.From
	}
	return r.Key.Seq
}

// Feed says which records of a feed a store holds: Floor to Next-1, without a gap. Next equals
// Floor if all were deleted.
type Feed struct {
	Key         record.FeedKey
	Floor, Next uint64
	Head        record.ID   // id of the record at Next-1; zero if unknown
	Time        record.Time // time of the record at Next-1, or of the last one that isn't skipped
	Name        string      // the author's last name
	Forked      bool        // EndFeedAt was called: no record from Next on is ever taken
}

// KeyValue is a value of the key-value area.
type KeyValue struct{ Key, Value []byte }

// Status reports how saving works.
type Status struct {
	NotSaved   error  // why saving fails at present; nil if it works
	Waiting    int    // records that are not on disk yet
	Dropped    int    // records that will not be saved: saving failed for longer than memory lasted
	Unreadable int    // records that were found damaged on disk, and deleted
	Aside      string // path of the damaged file that was moved aside; "" if there was none
	Recovered  int    // records taken over from it
}

// Store keeps the records of one room. Methods may be called from any goroutine. Those that return
// records and take a context may wait for the disk; the others don't.
type Store interface {
	// Append queues a record that a room accepted: the first of its feed, or the next one. A record
	// that the store has is no error. ErrGap says that predecessors are missing, for example after
	// ErrFull; Frontier says from where on to append again.
	Append(Entry) error
	// Skip queues a stub: its records count as held, but only ReadRange has them, as the stub. It must cover
	// the feed's end, or begin the feed; what the store has is cut off.
	Skip(Stub) error
	// Fill queues a record in its place among those that a stub stands for, and nothing where there is no stub.
	// The record must fit those around it.
	Fill(Entry) error
	// WaitForSpace waits until the queue has space. Code that can ask peers for records later calls
	// it before it asks. It doesn't wait while saving fails.
	WaitForSpace(context.Context) error
	// Sync waits until all records and values queued before are on disk. It returns the cause if
	// saving fails.
	Sync(context.Context) error

	// Frontier lists the feeds whose states are in memory, in no particular order.
	Frontier() []Feed
	// State returns the state of a feed, unless that is cold.
	State(key record.FeedKey) (f Feed, cold, known bool)
	// Blocks calls fn for each block, sorted by author and number, until fn returns an error.
	Blocks(ctx context.Context, fn func(Block) error) error
	// ReadBlock returns the states of a block's feeds, sorted, and keeps them in memory from now on.
	// Nothing may be appended to a cold feed before.
	ReadBlock(ctx context.Context, key BlockKey) ([]Feed, error)
	// PeekBlock returns the states of a block's feeds, sorted.
	PeekBlock(ctx context.Context, key BlockKey) ([]Feed, error)
	// CoolBlock drops the states of feeds from memory, if each is on disk up to the seq before its
	// end, and reports whether it did. It doesn't wait.
	CoolBlock(key BlockKey, ends map[record.Feed]uint64) bool
	// BlockArrived returns when the last record of a block's cold feeds came; false if it has none.
	BlockArrived(key BlockKey) (last time.Time, cold bool)
	// TakeChanged returns the blocks whose cold feeds have lost records since it was last called.
	TakeChanged() []BlockKey
	// ShareFrom returns, for each of the feeds that has any, the first seq from which on all records
	// arrived at since or later. A peer that is new to the room may have these.
	ShareFrom(ctx context.Context, since time.Time, feeds []record.FeedKey) (map[record.FeedKey]uint64, error)
	// StartFeedAt moves a feed's end up to floor: no peer has the records in between. Those below
	// stay readable.
	StartFeedAt(key record.FeedKey, floor uint64)
	// EndFeedAt drops a feed from seq on, for good: it forks there. before is the id of the record below seq, which may
	// be absent; zero if unknown.
	EndFeedAt(key record.FeedKey, seq uint64, before record.ID)
	// Expire deletes records sent or received before a time. For live records only their arrival
	// counts. Feeds lose only their beginnings; Frontier then has the new floors.
	Expire(ctx context.Context, before time.Time) (deleted int, err error)

	// Sizes returns how many bytes the records of each author take, RecordOverhead for each included. What waits to be
	// written counts, and what DropOldest was asked to delete doesn't. So a caller that adds Asked minus Freed of all that
	// TakeDropped returns later has the right sums: until then some may be negative. It reports false while they are being counted.
	Sizes() (sizes map[identity.Key]int, known bool)
	// WaitSizes waits until Sizes knows them.
	WaitSizes(ctx context.Context) error
	// DropOldest has n bytes of an author's records deleted, those of its oldest feed first. The feeds' ends stay. It
	// only queues. TakeDropped reports what was deleted.
	DropOldest(author identity.Key, n int)
	// RemoveAuthor has all of an author's records and feeds deleted. It only queues. Until it is done, Append takes
	// nothing of that author.
	RemoveAuthor(author identity.Key)
	// TakeDropped returns what was deleted since the call before, for whatever reason.
	TakeDropped() []Dropped

	// ReadBefore returns the n entries nearest before key in the order of records, the nearest
	// last. The zero OrderKey stands for the end. Fewer than n entries mean that there are no more.
	ReadBefore(ctx context.Context, key OrderKey, n int) ([]Entry, error)
	// ReadRange returns the held records of from … to, both included, from the first one on. It
	// returns at most maxBytes of bodies, but at least one record if there is any. A stub among them may
	// end above to.
	ReadRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error)
	// ReadAll returns all records in order. If since is not zero, it leaves out each feed's records
	// before the first with a time of since or later.
	ReadAll(ctx context.Context, since time.Time) iter.Seq2[RawEntry, error]
	// Search finds text, whatever its case (see package search), in messages before key, the latest
	// first. It reads during the iteration, which may stop at any time.
	Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error]

	// Put stores a value under a name and key until Delete. The limits are 1 KiB for name and key,
	// and 1 MiB for the value.
	Put(name string, key, value []byte) error
	Delete(name string, key []byte) error
	// ListValues returns the values under a name, sorted by key.
	ListValues(ctx context.Context, name string) ([]KeyValue, error)

	Status() Status
	// Close saves the queue if it can. Methods of a closed store return ErrClosed.
	Close() error
}

// checkEntry refuses records that no room accepts.
func checkEntry(room record.RoomID, e *Entry) error {
	if e.Record.Body().Room != room {
		return record.ErrOtherRoom
	}
	if e.Record.Feed() == 0 {
		return fmt.Errorf("%w: a %s record stands outside any feed", record.ErrOtherRoom, e.Record.Kind())
	}
	return nil
}

// rawEntryOf returns an entry's stored form.
func rawEntryOf(e Entry) RawEntry {
	return RawEntry{
		Key: OrderKeyOf(e.Record), Body: e.Record.Signed(), Sig: [64]byte(e.Record.Signature()),
		Name: e.Name, Arrived: e.Arrived, Live: e.Live,
	}
}

// Verify checks the signature (some 50 µs), and that the record belongs to its key.
func (r RawEntry) Verify() (Entry, error) {
	c, err := record.Parse(r.Body, r.Sig[:])
	if err != nil {
		return Entry{}, err
	}
	rec, err := c.Verify()
	if err != nil {
		return Entry{}, err
	}
	if OrderKeyOf(rec) != r.Key {
		return Entry{}, fmt.Errorf("%w: it stands in another's place", record.ErrMalformed)
	}
	return Entry{Record: rec, Name: r.Name, Arrived: r.Arrived, Live: r.Live}, nil
}
