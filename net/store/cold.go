package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// A person whose cron job sends a message every minute makes half a million feeds a year. So only the states of feeds
// that are in use are in memory. Other feeds are cold: memory has their numbers, 12 bytes each, and the file has the
// rest. Feeds become cold, and are read again, in blocks.

// coldFeeds are the methods of a Disk for feeds that are cold.
type coldFeeds struct{ *Disk }

// ErrNotOpen is the error of reading from a store whose file can't be opened.
var ErrNotOpen = errors.New("the file of records is not open")

// BlockShift is how many low bits of a feed's number don't belong to its block.
const BlockShift = 42

// BlockKey names the feeds of an author whose numbers have the same first 22 bits: they began within 18.6 hours.
type BlockKey struct {
	Author identity.Key
	Block  uint32
}

// BlockOf returns the block of a feed.
func BlockOf(key record.FeedKey) BlockKey {
	return BlockKey{key.Author, uint32(key.Feed >> BlockShift)}
}

// Compare orders blocks by author and number.
func (k BlockKey) Compare(other BlockKey) int {
	return cmp.Or(k.Author.Compare(other.Author), cmp.Compare(k.Block, other.Block))
}

// Block is the feeds of a block that a store holds.
type Block struct {
	Key   BlockKey
	Feeds []Feed // sorted
	Cold  bool   // the store has their states on disk only
}

// maxWarmFeeds is how many feeds a file may have for all their states to be read when it is opened.
const maxWarmFeeds = 8192

// coldBlock is a block whose feeds are cold. It is never changed, but replaced.
type coldBlock struct {
	feeds   []record.Feed // sorted
	numbers []uint32      // theirs, in the same order
	arrived int64         // when the last record came, ms since 1970
}

// number returns a feed's number in the file.
func (l *ledger) number(key record.FeedKey) (num uint32, known bool) {
	if f := l.feeds[key]; f != nil {
		return f.number, true
	}
	return l.coldNumber(key)
}

// coldNumber returns the number of a cold feed; false for any other.
func (l *ledger) coldNumber(key record.FeedKey) (num uint32, cold bool) {
	c := l.cold[BlockOf(key)]
	if c == nil {
		return 0, false
	}
	i, found := slices.BinarySearch(c.feeds, key.Feed)
	if !found {
		return 0, false
	}
	return c.numbers[i], true
}

// load adds a feed that was read from the file. Once there are many, all but those of warm blocks become cold.
func (l *ledger) load(key record.FeedKey, f *feed, warm map[BlockKey]bool, limit int) {
	l.last = max(l.last, f.number)
	l.feeds[key] = f
	if l.cold == nil && len(l.feeds) <= limit {
		return
	}
	if l.cold == nil {
		l.cold = map[BlockKey]*coldBlock{}
		for key, f := range l.feeds {
			l.chill(key, f, warm)
		}
		return
	}
	l.chill(key, f, warm)
}

// chill makes a feed cold that is being loaded, unless it must stay. The blocks are sorted at the end.
func (l *ledger) chill(key record.FeedKey, f *feed, warm map[BlockKey]bool) {
	block := BlockOf(key)
	if warm[block] || f.hole != noHole {
		return
	}
	delete(l.feeds, key)
	c := l.cold[block]
	if c == nil {
		c = &coldBlock{}
		l.cold[block] = c
	}
	c.feeds, c.numbers, c.arrived = append(c.feeds, key.Feed), append(c.numbers, f.number), max(c.arrived, f.arrived)
}

// sortCold ends loading.
func (l *ledger) sortCold() {
	for key, c := range l.cold {
		l.cold[key] = newColdBlock(c.feeds, c.numbers, c.arrived)
	}
}

// newColdBlock returns a block of feeds in any order.
func newColdBlock(feeds []record.Feed, numbers []uint32, arrived int64) *coldBlock {
	order := make([]int, len(feeds))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(feeds[a], feeds[b]) })
	c := &coldBlock{make([]record.Feed, 0, len(feeds)), make([]uint32, 0, len(feeds)), arrived}
	for _, i := range order {
		c.feeds, c.numbers = append(c.feeds, feeds[i]), append(c.numbers, numbers[i])
	}
	return c
}

// warmFeeds returns the feeds of a block whose states are in memory.
func (l *ledger) warmFeeds(key BlockKey) (out []Feed) {
	for k, f := range l.feeds {
		if BlockOf(k) == key {
			out = append(out, f.export(k))
		}
	}
	return out
}

// coldStates are the states of a block's cold feeds, as they were read.
type coldStates struct {
	block  *coldBlock
	epoch  uint64
	states map[record.FeedKey]*feed
}

// readCold reads the states of a block's cold feeds. They are nil if it has none.
func (d coldFeeds) readCold(key BlockKey) (s coldStates, err error) {
	opened := false
	err = d.view(func(tx *bolt.Tx) error {
		d.mu.Lock()
		s = coldStates{block: d.ledger.cold[key], epoch: d.coldEpoch}
		d.mu.Unlock()
		if opened = true; s.block == nil {
			return nil
		}
		s.states = make(map[record.FeedKey]*feed, len(s.block.feeds))
		feeds := tx.Bucket(d.bucket('f'))
		if feeds == nil {
			return damaged("no bucket for the feeds")
		}
		for i, number := range s.block.numbers {
			at := binary.BigEndian.AppendUint32(nil, number)
			had, f, ok := decodeFeed(at, feeds.Get(at))
			if want := (record.FeedKey{Author: key.Author, Feed: s.block.feeds[i]}); !ok || had != want {
				return damaged("the state of a feed")
			}
			s.states[had] = f
		}
		return nil
	})
	if err == nil && !opened && d.hasCold(key) {
		err = ErrNotOpen
	}
	return s, err
}

func (d coldFeeds) hasCold(key BlockKey) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger.cold[key] != nil
}

// ReadBlock implements Store.
func (d coldFeeds) ReadBlock(ctx context.Context, key BlockKey) ([]Feed, error) {
	for ctx.Err() == nil {
		s, err := d.readCold(key)
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		if d.ledger.cold[key] == s.block && d.coldEpoch == s.epoch {
			maps.Copy(d.ledger.feeds, s.states)
			delete(d.ledger.cold, key)
			out := d.ledger.warmFeeds(key)
			d.mu.Unlock()
			sortFeeds(out)
			return out, nil
		}
		d.mu.Unlock() // the file has changed meanwhile
	}
	return nil, ctx.Err()
}

// PeekBlock implements Store.
func (d coldFeeds) PeekBlock(ctx context.Context, key BlockKey) ([]Feed, error) {
	s, err := d.readCold(key)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	out := d.ledger.warmFeeds(key)
	d.mu.Unlock()
	for k, f := range s.states {
		out = append(out, f.export(k))
	}
	sortFeeds(out)
	return slices.CompactFunc(out, func(a, b Feed) bool { return a.Key == b.Key }), ctx.Err()
}

func sortFeeds(feeds []Feed) {
	slices.SortFunc(feeds, func(a, b Feed) int { return a.Key.Compare(b.Key) })
}

// CoolBlock implements Store.
func (d coldFeeds) CoolBlock(key BlockKey, ends map[record.Feed]uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status.NotSaved != nil || d.closed || len(ends) == 0 {
		return false
	}
	var feeds []record.Feed
	var numbers []uint32
	arrived := int64(0)
	for number, next := range ends {
		f := d.ledger.feeds[record.FeedKey{Author: key.Author, Feed: number}]
		if f == nil || f.hole != noHole || f.next != next || f.queued > d.savedTotal {
			return false
		}
		feeds, numbers, arrived = append(feeds, number), append(numbers, f.number), max(arrived, f.arrived)
	}
	if c := d.ledger.cold[key]; c != nil {
		feeds, numbers, arrived = append(feeds, c.feeds...), append(numbers, c.numbers...), max(arrived, c.arrived)
	}
	if d.ledger.cold == nil {
		d.ledger.cold = map[BlockKey]*coldBlock{}
	}
	d.ledger.cold[key] = newColdBlock(feeds, numbers, arrived)
	for number := range ends {
		delete(d.ledger.feeds, record.FeedKey{Author: key.Author, Feed: number})
	}
	return true
}

// Blocks implements Store.
func (d coldFeeds) Blocks(ctx context.Context, fn func(Block) error) error {
	d.mu.Lock()
	warm := map[BlockKey][]Feed{}
	for key, f := range d.ledger.feeds {
		warm[BlockOf(key)] = append(warm[BlockOf(key)], f.export(key))
	}
	keys := slices.Collect(maps.Keys(d.ledger.cold))
	d.mu.Unlock()
	for key := range warm {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, BlockKey.Compare)
	for _, key := range slices.Compact(keys) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := Block{Key: key, Feeds: warm[key], Cold: warm[key] == nil}
		var err error
		switch {
		case b.Cold:
			b.Feeds, err = d.PeekBlock(ctx, key)
		case d.hasCold(key): // a part of the block must stay in memory
			b.Feeds, err = d.ReadBlock(ctx, key)
		}
		if err == nil {
			sortFeeds(b.Feeds)
			err = fn(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// State implements Store.
func (d coldFeeds) State(key record.FeedKey) (f Feed, cold, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.ledger.feeds[key]; f != nil {
		return f.export(key), false, true
	}
	_, cold = d.ledger.coldNumber(key)
	return Feed{Key: key}, cold, cold
}

// BlockArrived implements Store.
func (d coldFeeds) BlockArrived(key BlockKey) (last time.Time, cold bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.ledger.cold[key]
	if c == nil {
		return time.Time{}, false
	}
	return time.UnixMilli(c.arrived), true
}

// TakeChanged implements Store.
func (d coldFeeds) TakeChanged() []BlockKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := slices.SortedFunc(maps.Keys(d.changedBlocks), BlockKey.Compare)
	d.changedBlocks = nil
	return out
}

// noteColdChangedLocked notes that the file's state of a cold feed changes, or has changed.
func (d coldFeeds) noteColdChangedLocked(key BlockKey) {
	d.coldEpoch++
	if d.changedBlocks == nil {
		d.changedBlocks = map[BlockKey]bool{}
	}
	d.changedBlocks[key] = true
}
