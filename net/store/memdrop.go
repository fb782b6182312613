package store

import (
	"cmp"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// MemCapacity is the size of a room that a Mem holds without dropping anything by itself.
const MemCapacity = 24 << 20

func memSizeOf(e *Entry) int { return len(e.Record.Signed()) + RecordOverhead }

// DropOldest implements Store. It deletes at once.
func (m *Mem) DropOldest(author identity.Key, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	byFeed := map[record.Feed][]*Entry{}
	for _, r := range m.table.rows {
		if r.key.Author == author {
			byFeed[r.key.Feed] = append(byFeed[r.key.Feed], r.entry)
		}
	}
	floors, left := map[record.Feed]uint64{}, n-m.ahead[author]
	for _, feed := range m.ledger.allFeedsOf(author) {
		entries := byFeed[feed]
		slices.SortFunc(entries, func(a, b *Entry) int { return cmp.Compare(a.Record.Seq(), b.Record.Seq()) })
		for _, e := range entries {
			if left <= 0 {
				break
			}
			left -= memSizeOf(e)
			floors[feed] = e.Record.Seq() + 1
		}
		if floor, any := floors[feed]; any {
			key := record.FeedKey{Author: author, Feed: feed}
			m.raiseFloorLocked(key, min(floor, m.ledger.feeds[key].next))
		}
	}
	m.ahead[author] = max(0, -left) // whole records went: the next time so much less goes
	m.deleteLocked(func(k OrderKey) bool { return k.Author == author && k.Seq < floors[k.Feed] })
	drop := m.dropOfLocked(author)
	drop.Asked += n
	drop.Floors = floors
}

// noteDroppedLocked notes an entry that was deleted.
func (m *Mem) noteDroppedLocked(e *Entry) {
	drop := m.dropOfLocked(e.Record.Author())
	drop.Freed += memSizeOf(e)
	drop.Records++
}

// dropOfLocked returns what TakeDropped will say of an author.
func (m *Mem) dropOfLocked(author identity.Key) *Dropped {
	if n := len(m.dropped); n > 0 && m.dropped[n-1].Author == author && m.dropped[n-1].Asked == 0 {
		return &m.dropped[n-1]
	}
	m.dropped = append(m.dropped, Dropped{Author: author})
	return &m.dropped[len(m.dropped)-1]
}

// RemoveAuthor implements Store. It deletes at once.
func (m *Mem) RemoveAuthor(author identity.Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.deleteLocked(func(k OrderKey) bool { return k.Author == author })
	for _, feed := range m.ledger.allFeedsOf(author) {
		delete(m.stubs, record.FeedKey{Author: author, Feed: feed})
	}
	m.ledger.removeAuthor(author)
	delete(m.ahead, author)
}

// TakeDropped implements Store.
func (m *Mem) TakeDropped() []Dropped {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.dropped
	m.dropped = nil
	return out
}
