package replica

import (
	"maps"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A live record isn't handed on to a peer that says it is linked to the author. A peer reports a lost link some seconds
// late, and misses the author's records until then. When it reports the loss, we name the author's last feed to it.

const (
	staleFor = 5 * time.Second // so long after a link has gone, at most, its peer says so
	maxLate  = 256             // authors whose last record is remembered for that
)

// lateRecord is the last live record of an author: its feed, and when it came.
type lateRecord struct {
	feed record.FeedKey
	at   time.Time
}

// lateRecords are the last live records of authors. The replica's lock guards them.
type lateRecords map[identity.Key]lateRecord

// note remembers a live record that came just now.
func (l lateRecords) note(rec *record.Record) {
	if _, known := l[rec.Author()]; known || len(l) < maxLate {
		l[rec.Author()] = lateRecord{rec.FeedKey(), time.Now()}
	}
}

// forget forgets the records of which every peer has heard by now, or must hear otherwise.
func (l lateRecords) forget() {
	maps.DeleteFunc(l, func(_ identity.Key, late lateRecord) bool { return time.Since(late.at) > staleFor })
}

// maxHearers is how many authors' hearers are cached.
const maxHearers = 64

// hearersLocked returns the linked peers that don't say they are linked to author, so they need its records from us.
// The list is cached until links change, since a burst asks for it at each record.
func (r *Replica) hearersLocked(author identity.Key) []*peer {
	hearers, known := r.mu.hearers[author]
	if known {
		return hearers
	}
	for _, p := range r.mu.linked {
		if !p.neighbours.Has(author) {
			hearers = append(hearers, p)
		}
	}
	if len(r.mu.hearers) >= maxHearers {
		clear(r.mu.hearers)
	}
	r.mu.hearers[author] = hearers
	return hearers
}

// SetNeighbours remembers which keys a peer says it is linked to.
func (r *Replica) SetNeighbours(l Link, keys identity.KeySet) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	gone := p.neighbours.Minus(keys)
	p.neighbours = keys
	clear(r.mu.hearers)
	var feeds []room.Holding
	for _, author := range gone {
		late, any := r.mu.late[author]
		if !any || author == p.key || time.Since(late.at) > staleFor || p.refusesAuthor(author) {
			continue
		}
		if h, ok := r.room.HoldingOf(late.feed); ok {
			feeds = append(feeds, p.limit(h))
		}
	}
	switch {
	case len(feeds) == 0:
	case p.sending:
		p.sendNext = true // the frontier that we are sending may be older than those records
	case p.link.Can(wire.CapFeeds):
		r.frontiers.sendPartLocked(p, feeds, false)
	default:
		r.frontiers.sendFrontierLocked(p, false)
	}
}
