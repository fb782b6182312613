package room

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

// Restore begins with the feeds that a store holds, and with the forks known in any feed. It must be called
// before Accept, and with forks once all feeds are restored. The local clock continues where it was, and the next local
// feed follows the last one. Restore doesn't ask how many feeds are in memory: call MakeSpace after it.
func (r *Room) Restore(feeds []store.Feed, forks []*Fork) {
	for _, h := range feeds {
		level, source := r.rank(h.Key.Author)
		r.restoreFeed(h, level, source)
	}
	for _, fork := range forks {
		if r.isColdFeed(fork.Key) {
			if r.coldForks == nil {
				r.coldForks = map[BlockKey][]*Fork{}
			}
			key := BlockKeyOf(fork.Key)
			r.coldForks[key] = append(r.coldForks[key], fork)
			continue
		}
		if r.feeds[fork.Key] == nil {
			r.addFeed(fork.Key)
		}
		r.feeds[fork.Key].fork = fork
	}
}

// restoreFeed begins to hold a feed that was read from the store.
func (r coldBlocks) restoreFeed(h store.Feed, level standing.Level, source standing.Source) {
	f := newFeed()
	f.endBefore(h.Next, h.Head)
	f.floor, f.name = min(h.Floor, h.Next), h.Name
	if h.Forked {
		f.fork = &Fork{Key: h.Key, Seq: h.Next} // without evidence, unless forks has it
	}
	r.putFeed(h.Key, f, level, source)
	r.noteChanged(h.Key, f)
	r.noteRestored(h)
}

// DropBelow raises the floors of feeds whose beginnings the store deleted.
func (r *Room) DropBelow(floors map[record.FeedKey]uint64) {
	for key, floor := range floors {
		if f := r.feeds[key]; f != nil && floor > f.floor {
			f.floor = min(floor, f.next())
			if f.floor > f.memFloor {
				r.memBytes -= f.dropOldest(int(f.floor - f.memFloor))
			}
		}
	}
}

// ResaveOrTruncate follows a store that lost a feed from next on. If memory holds all records from there on, it
// returns them, to be stored again. Otherwise the feed ends at next, and the records come again from peers. A
// truncated local feed is abandoned: the next message opens another feed, so that no place is used twice.
func (r *Room) ResaveOrTruncate(key record.FeedKey, next uint64, head record.ID) (again []store.Entry) {
	f := r.feeds[key]
	if f == nil || next >= f.next() {
		return nil
	}
	if next >= f.memFloor {
		for _, rec := range f.records[next-f.memFloor:] {
			again = append(again, store.Entry{Record: rec, Name: f.name})
		}
		return again
	}
	if key == r.ownFeed {
		r.LeaveFeed()
	}
	r.memBytes -= f.memBytes
	f.endBefore(next, head)
	r.noteChanged(key, f)
	return nil
}
