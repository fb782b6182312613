package store

import (
	"encoding/binary"
	"slices"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// RecordOverhead is how many bytes a record costs on disk besides its body: keys, signature, place in the order.
const RecordOverhead = 200

// sizesName is the name of the key-value area that holds the bytes of each author's records.
const sizesName = "bytes"

// sizes says how many bytes each author's records take in the file, and which feeds an author has.
//
// The file holds the sums, so that a start needn't read all records. Beside them stands the number of the transaction
// that wrote them. If a later one followed, by a program that knows no sums, the sums are counted anew (recount.go).
type sizes struct {
	feeds   map[identity.Key]*authorFeeds
	bytes   map[identity.Key]int // committed; before known only what has changed since
	known   bool
	written bool // the file has all sums
}

// authorSizes are the methods of a Disk for the bytes of each author.
type authorSizes struct{ *Disk }

// authorFeeds lists the feeds of an author, the oldest first: those of earlier programs, whose numbers are random, as
// they came, then those that are numbered by their beginning. A newcomer gets the newest ones first.
type authorFeeds struct {
	random   []record.Feed
	timed    []record.Feed
	unsorted bool // timed isn't sorted
	empty    int  // so many feeds at the beginning lost all their records
}

// isTimed reports whether a feed's number says when it began: from 2020 on, for a lifetime.
func isTimed(feed record.Feed) bool {
	ms := int64(feed >> 16)
	return ms >= 1577836800000 && ms < 1<<42
}

func (a *authorFeeds) add(feed record.Feed) {
	if !isTimed(feed) {
		a.empty = min(a.empty, len(a.random))
		a.random = append(a.random, feed)
		return
	}
	a.unsorted = a.unsorted || len(a.timed) > 0 && feed < a.timed[len(a.timed)-1]
	a.timed = append(a.timed, feed)
}

// list returns all feeds.
func (a *authorFeeds) list() []record.Feed {
	if a.unsorted {
		slices.Sort(a.timed)
		a.unsorted, a.empty = false, 0
	}
	return slices.Concat(a.random, a.timed)
}

func newSizes() *sizes {
	return &sizes{feeds: map[identity.Key]*authorFeeds{}, bytes: map[identity.Key]int{}}
}

// addFeed notes a feed that is new.
func (s *sizes) addFeed(key record.FeedKey) {
	a := s.feeds[key.Author]
	if a == nil {
		a = &authorFeeds{}
		s.feeds[key.Author] = a
	}
	a.add(key.Feed)
}

// add adds bytes, which may be negative, to an author's records.
func (s *sizes) add(author identity.Key, n int) {
	if s.bytes[author] += n; s.bytes[author] == 0 {
		delete(s.bytes, author)
	}
}

// setBase takes what the authors had when the file was opened.
func (s *sizes) setBase(base map[identity.Key]int) {
	s.known = true
	for author, n := range base {
		s.add(author, n)
	}
}

// sizeOf returns what a record with that body costs.
func sizeOf(body []byte) int { return len(body) + RecordOverhead }

// sizeOfValue returns what a record's or a stub's value costs. A stub costs as much as a record without a body.
func sizeOfValue(value []byte) int {
	if isStub(value) {
		return RecordOverhead
	}
	return sizeOf(bodyOf(value))
}

// sizesOfRoom returns the name of a room's sums.
func sizesOfRoom(room record.RoomID) string { return sizesName + "/" + room.String() }

// read reads the sums of a room from the file, if they are those of its last transaction.
func (s *sizes) read(tx *bolt.Tx, room record.RoomID) {
	values, records := tx.Bucket(bucketValues), tx.Bucket(bucketName('r', room))
	if records == nil {
		s.setBase(nil)
		return
	}
	at := valueKey(sizesName, nil)
	if number, _, ok := decodeValue(at, values.Get(at)); !ok || number != uint64(tx.ID()) {
		return
	}
	base := map[identity.Key]int{}
	if !forEachSize(values, sizesOfRoom(room), func(author identity.Key, n int) { base[author] = n }) {
		return
	}
	s.setBase(base)
	s.written = true
}

// forEachSize calls f with each sum. It reports false at the first sum that can't be read.
func forEachSize(values *bolt.Bucket, name string, f func(author identity.Key, n int)) bool {
	prefix := valueKey(name, nil)
	c := values.Cursor()
	for k, v := c.Seek(prefix); len(k) == len(prefix)+len(identity.Key{}.Bytes()) && string(k[:len(prefix)]) == string(prefix); k, v = c.Next() {
		author, err := identity.KeyFromBytes(k[len(prefix):])
		_, data, ok := decodeValue(k, v)
		if err != nil || !ok || len(data) != 8 {
			return false
		}
		f(author, int(binary.BigEndian.Uint64(data)))
	}
	return true
}

// writeSizes writes the sums that the transaction changed, or all if the file hasn't them.
func (w *writeTx) writeSizes() error {
	w.disk.mu.Lock()
	s := w.disk.ledger.sizes
	if !s.known {
		w.disk.mu.Unlock()
		return nil
	}
	changed := make(map[identity.Key]int, len(w.grown))
	if !s.written {
		for author, n := range s.bytes {
			changed[author] = n
		}
	}
	for author, n := range w.grown {
		changed[author] = s.bytes[author] + n
	}
	w.allSizes = !s.written
	w.disk.mu.Unlock()
	name := sizesOfRoom(w.disk.cfg.Room)
	if w.allSizes {
		if err := w.removeSizes(name); err != nil {
			return err
		}
	}
	number := uint64(w.tx.ID())
	for author, n := range changed {
		at := valueKey(name, author.Bytes())
		err := error(nil)
		if n > 0 {
			err = w.values.Put(at, encodeValue(at, number, binary.BigEndian.AppendUint64(nil, uint64(n))))
		} else {
			err = w.values.Delete(at)
		}
		if err != nil {
			return err
		}
	}
	at := valueKey(sizesName, nil)
	return w.values.Put(at, encodeValue(at, number, nil))
}

// removeSizes deletes all sums of a room.
func (w *writeTx) removeSizes(name string) error {
	var old []identity.Key
	forEachSize(w.values, name, func(author identity.Key, _ int) { old = append(old, author) })
	for _, author := range old {
		if err := w.values.Delete(valueKey(name, author.Bytes())); err != nil {
			return err
		}
	}
	return nil
}

// noteSizesLocked follows a committed transaction.
func (w *writeTx) noteSizesLocked() {
	s := w.disk.ledger.sizes
	for author, n := range w.grown {
		s.add(author, n)
	}
	s.written = s.written || w.allSizes
}

// feedsOf returns an author's feeds that may have records, the oldest first.
func (w *writeTx) feedsOf(author identity.Key) []record.Feed {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	return w.disk.ledger.feedsOf(author)
}

// feedsOf returns the feeds of an author that may have records, the oldest first.
func (l *ledger) feedsOf(author identity.Key) []record.Feed {
	feeds := l.allFeedsOf(author)
	if len(feeds) == 0 {
		return nil
	}
	a := l.sizes.feeds[author]
	for a.empty < len(feeds) && l.isEmpty(record.FeedKey{Author: author, Feed: feeds[a.empty]}) {
		a.empty++
	}
	if a.empty >= len(feeds) {
		a.empty = 0 // an old feed may have gone on
	}
	return feeds[a.empty:]
}

// isEmpty reports whether a feed has no records, as far as memory says. A cold feed isn't empty: it is on disk.
func (l *ledger) isEmpty(key record.FeedKey) bool {
	f := l.feeds[key]
	if f == nil {
		_, cold := l.coldNumber(key)
		return !cold
	}
	return f.floor >= f.next
}

func (w *writeTx) isEmpty(key record.FeedKey) bool {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	return w.disk.ledger.isEmpty(key)
}

// passEmpty has feedsOf leave out so many more feeds at the beginning, which proved empty.
func (w *writeTx) passEmpty(author identity.Key, n int) {
	w.disk.mu.Lock()
	defer w.disk.mu.Unlock()
	if a := w.disk.ledger.sizes.feeds[author]; a != nil {
		a.empty += n
	}
}

// allFeedsOf returns all feeds of an author, the oldest first.
func (l *ledger) allFeedsOf(author identity.Key) []record.Feed {
	if a := l.sizes.feeds[author]; a != nil {
		return a.list()
	}
	return nil
}

// removeAuthor forgets all feeds of an author.
func (l *ledger) removeAuthor(author identity.Key) {
	for _, n := range l.allFeedsOf(author) {
		key := record.FeedKey{Author: author, Feed: n}
		delete(l.feeds, key)
		delete(l.cold, BlockOf(key))
	}
	delete(l.sizes.feeds, author)
}
