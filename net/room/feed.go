package room

import (
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// feed is one chain of records: held from base on, the last of them in memory, those before on disk. It
// is guarded by its room's lock.
//
//	base ─────── floor ─────── next
//	  in the store   records
type feed struct {
	base    uint64           // what is below is not here any more
	floor   uint64           // seq of records[0]
	records []*record.Record // without a gap
	ahead   map[uint64]*record.Record
	gap     time.Time // since when something is ahead
	head    record.ID // of the last record, also when records was emptied by drop
	any     bool      // a record was ever here, so head means something
	name    string    // what the author is called at the feed's end
	bytes   int
	fork    *Fork
	full    bool // it goes no further here: above a bound
}

func newFeed() *feed { return &feed{ahead: map[uint64]*record.Record{}} }

// next is the seq that would extend the feed.
func (f *feed) next() uint64 { return f.floor + uint64(len(f.records)) }

// follows reports whether rec has the place after the feed's end.
func (f *feed) follows(rec *record.Record) bool { return rec.Seq() == f.next() }

// chains reports whether rec names the feed's last record as the one before it. The first record
// that is held of a feed whose beginning is gone can't be checked.
func (f *feed) chains(rec *record.Record) bool {
	return !f.any || rec.Seq() == 0 || rec.Prev() == f.head
}

func (f *feed) push(rec *record.Record) {
	f.records = append(f.records, rec)
	f.bytes += len(rec.Signed())
	f.head, f.any = rec.ID(), true
	if name := rec.Name(); name != "" {
		f.name = name
	}
}

// at is the record with that seq, or nil when it is not here.
func (f *feed) at(seq uint64) *record.Record {
	if seq < f.floor || seq >= f.next() {
		return nil
	}
	return f.records[seq-f.floor]
}

// held reports whether anything of the feed is here, in memory or on disk.
func (f *feed) held() bool { return f.next() > f.base }

// drop lets go of the first n records in memory, and returns how many bytes that frees.
func (f *feed) drop(n int) (freed int) {
	for _, rec := range f.records[:n] {
		freed += len(rec.Signed())
	}
	// A new slice, so that the dropped part of the old one can be collected.
	f.records = append([]*record.Record(nil), f.records[n:]...)
	f.floor += uint64(n)
	f.bytes -= freed
	return freed
}

// raise moves an older end of the feed up to floor, where a peer's copy begins: what lies between is
// held by nobody who was asked.
func (f *feed) raise(floor uint64) {
	f.lower(floor, record.ID{})
	f.base = floor
}

// lower ends the feed before next: the record there, and all after it, must come again. head is the id
// of the one before, if it is known.
func (f *feed) lower(next uint64, head record.ID) {
	f.records, f.bytes = nil, 0
	f.floor, f.base = next, min(f.base, next)
	f.head, f.any = head, head != (record.ID{})
}

// cut ends the feed before seq, where it was forked, and returns how many bytes of memory that frees.
func (f *feed) cut(seq uint64, head record.ID) (freed int) {
	if seq >= f.next() {
		return 0
	}
	if seq <= f.floor {
		freed = f.bytes
		f.lower(seq, head)
		return freed
	}
	for _, rec := range f.records[seq-f.floor:] {
		freed += len(rec.Signed())
	}
	f.records = f.records[:seq-f.floor]
	f.bytes -= freed
	f.head = f.records[len(f.records)-1].ID()
	return freed
}
