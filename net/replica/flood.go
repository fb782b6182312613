package replica

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// When authors flood a room, in bytes of live records that count half after each second. A pasted file, or a pipe of
// short lines, stays below.
const (
	floodBytes   = 3 << 19          // what all flooders send together; link.Pacer lets short lines through at three times that
	floodAgain   = 5 * time.Minute  // until the same author is named again
	floodNotices = 30 * time.Second // between two notices
	maxFlooders  = 4096             // authors that are counted, and remembered as named
)

// floods notices authors that send more than others can read. What it guards stands under the replica's lock.
type floods struct {
	bytes map[identity.Key]int       // what each author sent lately
	named map[identity.Key]time.Time // when it was named
	last  time.Time                  // when the last notice was posted
}

// count counts a live record.
func (f *floods) count(author identity.Key, size int) {
	if _, known := f.bytes[author]; known || len(f.bytes) < maxFlooders {
		f.bytes[author] += size
	}
}

// tick forgets half, and returns the authors that flood, the worst first. It returns none if no one else's messages go
// before theirs, or if all were named already. A known author floods only by itself: beside a thousand keys that flood
// together, each of them sends no more than a person who talks.
func (f *floods) tick(now time.Time, self identity.Key, isKnown func(identity.Key) bool) (flooders []identity.Key) {
	sum := 0
	for author, n := range f.bytes {
		if author != self {
			sum += n
		}
	}
	mean := sum / max(1, len(f.bytes))
	together, unnamed := 0, false
	for author, n := range f.bytes {
		if author != self && 2*n >= mean && (n >= floodBytes || sum >= floodBytes && !isKnown(author)) {
			flooders = append(flooders, author)
			together += n
			unnamed = unnamed || now.Sub(f.named[author]) >= floodAgain
		}
	}
	alone := len(flooders) == len(f.bytes)
	slices.SortFunc(flooders, func(a, b identity.Key) int { return cmp.Compare(f.bytes[b], f.bytes[a]) })
	for author, n := range f.bytes {
		if f.bytes[author] = n / 2; n < 2 {
			delete(f.bytes, author)
		}
	}
	if alone || together < floodBytes || !unnamed || now.Sub(f.last) < floodNotices {
		return nil
	}
	f.last = now
	maps.DeleteFunc(f.named, func(_ identity.Key, at time.Time) bool { return now.Sub(at) >= floodAgain })
	for _, author := range flooders[:min(len(flooders), maxFlooders-len(f.named))] {
		f.named[author] = now
	}
	return flooders
}

// nameFlooders posts who floods, under the replica's lock. Call it every second.
func nameFlooders(r *Replica) {
	isKnown := func(author identity.Key) bool {
		level, _ := r.cfg.Host.Standing(author, identity.Key{})
		return level == standing.Known
	}
	if who := r.mu.floods.tick(time.Now(), r.cfg.Identity.Key(), isKnown); len(who) > 0 {
		name, _ := r.nameOfLocked(who[0])
		r.cfg.Events.Post(event.Flood{Scope: r.scope, Name: name, Others: len(who) - 1})
	}
}
