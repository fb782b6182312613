package store

import (
	"slices"

	"chat.lan/p2pchat/crypto/record"
)

// Skip implements Store.
func (m *Mem) Skip(s Stub) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	wanted, err := m.ledger.wantsStub(&s)
	if !wanted {
		return err
	}
	m.ledger.addStub(&s)
	runs := m.stubs[s.Key]
	if n := len(runs); n > 0 && runs[n-1].To+1 == s.From { // a run grows
		s.From = runs[n-1].From
		runs = runs[:n-1]
	}
	m.stubs[s.Key] = append(runs, s)
	return nil
}

// Fill implements Store.
func (m *Mem) Fill(e Entry) error {
	if err := checkEntry(m.room, &e); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := e.Record.FeedKey()
	runs := m.stubs[key]
	i := slices.IndexFunc(runs, func(s Stub) bool { return s.covers(e.Record.Seq()) })
	if i < 0 {
		return nil
	}
	var rest []Stub
	below, above := runs[i].split(e.Record)
	for _, s := range []*Stub{below, above} {
		if s != nil {
			rest = append(rest, *s)
		}
	}
	m.stubs[key] = slices.Replace(slices.Clone(runs), i, i+1, rest...)
	m.table.add(e)
	m.bytes += entrySize(&e)
	return nil
}

// cutStubsLocked drops the stubs of a feed that end at seq or later: the feed ends there, and no record proves the
// rest of a run. It returns the seq where the feed ends without them.
func (m *Mem) cutStubsLocked(key record.FeedKey, seq uint64) uint64 {
	end := seq
	m.stubs[key] = slices.DeleteFunc(m.stubs[key], func(s Stub) bool {
		if s.To >= seq {
			end = min(end, s.From)
		}
		return s.To >= seq && m.noteStubDroppedLocked(key)
	})
	return end
}

// raiseFloorLocked raises a feed's floor, and drops the stubs below.
func (m *Mem) raiseFloorLocked(key record.FeedKey, floor uint64) {
	f := m.ledger.feeds[key]
	f.floor = max(f.floor, floor)
	m.stubs[key] = slices.DeleteFunc(m.stubs[key], func(s Stub) bool {
		return s.To < f.floor && m.noteStubDroppedLocked(key)
	})
	if f.floor > f.hole { // what a fork left lacking is gone as well
		f.hole, f.head = noHole, m.idAtLocked(key, f.next-1)
	}
}

// noteStubDroppedLocked notes that a stub was deleted. It returns true.
func (m *Mem) noteStubDroppedLocked(key record.FeedKey) bool {
	m.dropOfLocked(key.Author).Freed += RecordOverhead
	return true
}

// idAtLocked returns the id of a record or stub that ends at seq; zero if there is none.
func (m *Mem) idAtLocked(key record.FeedKey, seq uint64) record.ID {
	if i := slices.IndexFunc(m.stubs[key], func(s Stub) bool { return s.To == seq }); i >= 0 {
		return m.stubs[key][i].ID
	}
	if last := m.table.feedRange(key, seq, seq); len(last) > 0 {
		return last[0].Record.ID()
	}
	return record.ID{}
}
