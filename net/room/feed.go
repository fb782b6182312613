package room

import (
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// feed is one chain of records without a gap, from floor on. The last records are in memory, those
// before them are in the store.
//
//	floor ─────── memFloor ─────── next
//	   in the store     records
type feed struct {
	floor        uint64           // records below were deleted here
	memFloor     uint64           // seq of records[0]
	records      []*record.Record // in memory, without a gap
	waiting      map[uint64]*record.Record
	waitingSince time.Time // when the first of waiting came
	head         record.ID // id of the record at next-1, also after dropOldest; zero if unknown
	name         string    // the author's name at the feed's end
	memBytes     int
	fork         *Fork
	unknownBytes int  // bytes of accepted bodies of unknown kinds
	listed       bool // in its block's sum
}

func newFeed() *feed { return &feed{waiting: map[uint64]*record.Record{}} }

// next returns the seq of the record that would extend the feed.
func (f *feed) next() uint64 { return f.memFloor + uint64(len(f.records)) }

func (f *feed) knowsHead() bool { return f.head != (record.ID{}) }

// extendsHead reports whether rec names the feed's last record as its predecessor, if that is known.
func (f *feed) extendsHead(rec *record.Record) bool {
	return !f.knowsHead() || rec.Seq() == 0 || rec.Prev() == f.head
}

func (f *feed) add(rec *record.Record) {
	f.records = append(f.records, rec)
	f.memBytes += len(rec.Signed())
	f.head = rec.ID()
	if name := rec.Name(); name != "" {
		f.name = name
	}
}

// recordAt returns the record at seq, or nil when it is not in memory.
func (f *feed) recordAt(seq uint64) *record.Record {
	if seq < f.memFloor || seq >= f.next() {
		return nil
	}
	return f.records[seq-f.memFloor]
}

// holdsAny reports whether any record of the feed is here, in memory or in the store.
func (f *feed) holdsAny() bool { return f.next() > f.floor }

// dropOldest drops the first n records from memory, and returns how many bytes that frees.
func (f *feed) dropOldest(n int) (freed int) {
	for _, rec := range f.records[:n] {
		freed += len(rec.Signed())
	}
	// A new slice lets the garbage collector free the dropped part of the old one.
	f.records = append([]*record.Record(nil), f.records[n:]...)
	f.memFloor += uint64(n)
	f.memBytes -= freed
	return freed
}

// endBefore ends the feed before next, which must come again. head is the id of the record before, zero if unknown.
func (f *feed) endBefore(next uint64, head record.ID) {
	f.records, f.memBytes = nil, 0
	f.memFloor, f.floor = next, min(f.floor, next)
	f.head = head
}

// cutAt ends the feed before seq, where it forks, and returns how many bytes of memory that frees.
func (f *feed) cutAt(seq uint64, head record.ID) (freed int) {
	if seq >= f.next() {
		return 0
	}
	if seq <= f.memFloor {
		freed = f.memBytes
		f.endBefore(seq, head)
		return freed
	}
	for _, rec := range f.records[seq-f.memFloor:] {
		freed += len(rec.Signed())
	}
	f.records = f.records[:seq-f.memFloor]
	f.memBytes -= freed
	f.head = f.records[len(f.records)-1].ID()
	return freed
}
