package room

import "chat.lan/p2pchat/crypto/record"

// Held is what a store has of a feed: Floor to Next-1.
type Held struct {
	Key         FeedKey
	Floor, Next uint64
	Head        record.ID // of Next-1; zero when that is not known
	Time        record.Time
	Name        string
	Fork        *Fork
}

// Load begins with what a store has, before anything is accepted. One's own clock goes on where it
// was, and one's next feed follows the last.
func (r *Room) Load(all []Held) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range all {
		f := newFeed()
		f.lower(h.Next, h.Head)
		f.base, f.name, f.fork = min(h.Floor, h.Next), h.Name, h.Fork
		r.feeds[h.Key] = f
		r.clock.observe(h.Time)
		if h.Key.Author == r.self.Key() && h.Head != (record.ID{}) && h.Time.Compare(r.ownTime) >= 0 {
			r.ownLast, r.ownTime = h.Head, h.Time
		}
	}
	r.version++
}

// Floors follows a store that has let go of the beginnings of feeds.
func (r *Room) Floors(floors map[FeedKey]uint64) {
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
func (r *Room) Lower(key FeedKey, next uint64, head record.ID) (again []Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feeds[key]
	if f == nil || next >= f.next() {
		return nil
	}
	if next >= f.floor {
		for _, rec := range f.records[next-f.floor:] {
			again = append(again, Entry{rec, f.name})
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
