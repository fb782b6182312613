package room

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// Restore begins with the feeds that a store holds, and with the forks known in them or in feeds of
// which nothing is held. It is called once, before Accept. The local clock goes on where it was, and
// the next local feed follows the last one.
func (r *Room) Restore(feeds []store.Feed, forks []*Fork) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range feeds {
		f := newFeed()
		f.lower(h.Next, h.Head)
		f.base, f.name = min(h.Floor, h.Next), h.Name
		if h.Forked {
			f.fork = &Fork{Key: h.Key, Seq: h.Next} // its evidence is gone, unless forks has it
		}
		r.feeds[h.Key] = f
		r.clock.observe(h.Time)
		if h.Key.Author == r.self.Key() && h.Head != (record.ID{}) && h.Time.Compare(r.ownTime) >= 0 {
			r.ownLast, r.ownTime = h.Head, h.Time
		}
	}
	for _, fork := range forks {
		if r.feeds[fork.Key] == nil {
			r.feeds[fork.Key] = newFeed()
		}
		r.feeds[fork.Key].fork = fork
	}
	r.version++
}

// Floors follows a store that has let go of the beginnings of feeds.
func (r *Room) DropBelow(floors map[record.FeedKey]uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, floor := range floors {
		if f := r.feeds[key]; f != nil && floor > f.base {
			f.base = min(floor, f.next())
			if f.base > f.floor {
				r.bytes -= f.drop(int(f.base - f.floor))
			}
		}
	}
}

// Lower follows a store that has lost a feed from next on: what is in memory of it from there on is
// returned, to be stored again. If that isn't all, the feed ends at next and comes again from others.
// This run's own feed is left then: the next line opens another, so that no place is given twice.
func (r *Room) ResaveOrTruncate(key record.FeedKey, next uint64, head record.ID) (again []store.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[key]
	if f == nil || next >= f.next() {
		return nil
	}
	if next >= f.floor {
		for _, rec := range f.records[next-f.floor:] {
			again = append(again, store.Entry{Record: rec, Name: f.name})
		}
		return again
	}
	if key == r.own {
		r.own.Feed = 0
	}
	r.bytes -= f.bytes
	f.lower(next, head)
	r.version++
	return nil
}
