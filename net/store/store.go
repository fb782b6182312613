// Package store keeps a room's records on disk (DESIGN.md §3, Store).
//
// Append only queues: one goroutine writes what is queued and syncs the file, in groups, at most
// 100 ms later. Nobody who says or hears a line waits for a disk; whoever must (a ballot is on disk
// before it is sent) calls Sync. Readers see what is queued as well as what is written.
//
// A file, records.db, is a bbolt database with these buckets, integers big-endian:
//
//	meta               "schema" → version
//	r ‖ room           feed number u32 ‖ seq u64 → a record: its bytes, signature, arrival, name
//	o ‖ room           time.ms ‖ time.n ‖ author ‖ feed ‖ seq → nothing: the raw order
//	f ‖ room           feed number u32 → what is held of the feed: floor, end, head, name
//	kv                 name ‖ key → a small value of somebody else's (votes, met keys, forks)
//
// Only what is held of each feed is in memory, so a million records cost a start no more than ten.
// Every value has a checksum over its key and itself, and what is shown is verified again by its
// signature when it is read: a record whose bytes are bad is dropped, counted, and left out of the
// frontier from there on, so that peers send it again. A file whose structure is bad (check.go) is
// put aside, a new one is begun, and what can still be read of the old one is taken over.
//
// Disk is the store on disk, Mem the one of --ephemeral.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// Errors of a Store.
var (
	ErrGap    = errors.New("record does not follow what the store has of its feed")
	ErrFull   = errors.New("too much waits to be saved")
	ErrClosed = errors.New("store is closed")
	ErrNewer  = errors.New("records were written by a newer version of p2pchat: update it, or use another --profile or --ephemeral")
	ErrTooBig = errors.New("value is over its size limit")
)

// Entry is a record with what is known of it here and nowhere else.
type Entry struct {
	Record  *record.Record
	Name    string    // what the author was called when it was said
	Arrived time.Time // to the millisecond
	Live    bool      // came when it was said, not by catching up
}

// Raw is a record as it lies on disk: its checksum was right, its signature was not looked at. It is
// what goes to peers and into exports, who verify themselves; Verify makes what may be shown.
type RawEntry struct {
	Key     OrderKey
	Body    string
	Sig     [64]byte
	Name    string
	Arrived time.Time
	Live    bool
}

// Feed says what is held of a feed: Floor to Next-1 without a gap. Next is Floor where all of it is
// gone.
type Feed struct {
	Key         record.FeedKey
	Floor, Next uint64
	Head        record.ID   // of Next-1; zero when that is not known any more
	Time        record.Time // of Next-1
	Arrived     time.Time   // of the last record
	Name        string      // what the author was called last
	Forked      bool        // Cut was called: nothing from Next on is ever taken
}

// Blob is a value of the small key-value area.
type KeyValue struct{ Key, Value []byte }

// Status is what there is to say about saving.
type Status struct {
	NotSaved   error  // why nothing is being saved at present; nil: all is well
	Waiting    int    // records that are not on disk yet
	Dropped    int    // records that will not be saved: NotSaved lasted longer than memory
	Unreadable int    // records that were found damaged on disk, and dropped
	Aside      string // where the damaged file was put; "" when there was none
	Recovered  int    // records taken over from it
}

// Store keeps the records of one room. Its methods may be called from any goroutine. Those that
// return records and take a context may wait for the disk; the others don't.
type Store interface {
	// Append queues a record that took its place in the room: the first of its feed, or the one
	// after the last. One that is here already is no error. ErrGap: those before it are missing
	// (after ErrFull, say); Frontier says from where on to append again.
	Append(Entry) error
	// Ready waits until the queue has room: what can be had again (catching up) calls it before
	// it asks for more. It doesn't wait while nothing can be saved.
	WaitForSpace(context.Context) error
	// Sync returns nil once all that was appended or put before is on disk, and the cause when
	// it can't be.
	Sync(context.Context) error

	// Frontier lists what is held, in no particular order.
	Frontier() []Feed
	// Floors is, for each feed that has any, the first seq from which on everything arrived at
	// since or later: what a stranger may have (DESIGN.md §3).
	ShareFrom(ctx context.Context, since time.Time) (map[record.FeedKey]uint64, error)
	// Raise moves a feed's end up to floor: what lies between can't be had from anybody. What is
	// below stays readable.
	StartFeedAt(key record.FeedKey, floor uint64)
	// Cut drops a feed from seq on, for good: it was forked there.
	EndFeedAt(key record.FeedKey, seq uint64)
	// Expire deletes what is older than before: what was said or arrived earlier (a live line's
	// stamp doesn't count, only its arrival). Feeds lose their beginnings only, and Frontier
	// tells the new floors.
	Expire(ctx context.Context, before time.Time) (deleted int, err error)

	// ReadBefore returns the at most n entries that stand nearest before key in the raw order, the
	// nearest last. The zero OrderKey stands for the end of the order. Fewer than n entries mean that
	// there are no more.
	ReadBefore(ctx context.Context, key OrderKey, n int) ([]Entry, error)
	// Range returns the held part of from … to, both included, in feed order from its beginning:
	// at most maxBytes of bodies, but at least one record if there is any.
	ReadRange(ctx context.Context, key record.FeedKey, from, to uint64, maxBytes int) ([]RawEntry, error)
	// All is everything in the raw order. A since that is not zero leaves out of each feed what
	// is before its first record with that time or a later one.
	ReadAll(ctx context.Context, since time.Time) iter.Seq2[RawEntry, error]
	// Search finds text, whatever its case, in lines that stand before key, latest first. It
	// reads while it is iterated over, and may be stopped at any time.
	Search(ctx context.Context, text string, before OrderKey) iter.Seq2[Entry, error]

	// Put keeps a small value under a name and key, for good or until Delete; at most 1 KiB of
	// name and key and 1 MiB of value.
	Put(name string, key, value []byte) error
	Delete(name string, key []byte) error
	// Blobs lists what was put under a name, by key.
	ListValues(ctx context.Context, name string) ([]KeyValue, error)

	Status() Status
	// Close saves what it can. The methods of a closed store return ErrClosed.
	Close() error
}

// rawOf is an entry's stored form.
func rawEntryOf(e Entry) RawEntry {
	return RawEntry{
		Key: OrderKeyOf(e.Record), Body: e.Record.Signed(), Sig: [64]byte(e.Record.Signature()),
		Name: e.Name, Arrived: e.Arrived, Live: e.Live,
	}
}

// Verify checks the signature (some 50 µs), and that the record is the one that the key names.
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
