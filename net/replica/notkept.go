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

// Nothing is dropped silently. What isn't kept is counted by the peer that handed it on, and reported in one sentence
// a minute, which names the authors and never blames the peer.

// Bounds of what is reported.
const (
	reportEvery  = time.Minute
	maxVia       = 64   // peers with a count of their own
	maxCounted   = 1024 // authors with a count of their own, for each peer
	namedAuthors = 3
)

// notKept counts messages that aren't kept. The replica's lock guards it.
type notKept struct {
	lately   tallies // since the last report
	total    tallies // in this run
	reported time.Time
}

// tallies are counts by the peer that handed the messages on. Those under the zero key were kept for a while.
type tallies map[identity.Key]*tally

type tally struct {
	messages int
	authors  map[identity.Key]int
	more     bool // there are more authors than maxCounted
}

func newNotKept() notKept { return notKept{lately: tallies{}, total: tallies{}} }

// add counts messages of an author that a peer handed on.
func (n *notKept) add(via, author identity.Key, messages int) {
	n.lately.add(via, author, messages)
	n.total.add(via, author, messages)
}

// addDeleted counts messages that were kept for a while.
func (n *notKept) addDeleted(author identity.Key, messages int) {
	n.add(identity.Key{}, author, messages)
}

func (t tallies) add(via, author identity.Key, messages int) {
	if messages == 0 {
		return
	}
	of := t[via]
	if of == nil {
		if len(t) >= maxVia && !via.IsZero() {
			return
		}
		of = &tally{authors: map[identity.Key]int{}}
		t[via] = of
	}
	of.messages += messages
	if _, any := of.authors[author]; any || len(of.authors) < maxCounted {
		of.authors[author] += messages
	} else {
		of.more = true
	}
}

// reportNotKeptLocked posts what wasn't kept lately, at once and then every minute.
func (r roomSize) reportNotKeptLocked() {
	n := &r.mu.size.notKept
	now := time.Now()
	if len(n.lately) == 0 || now.Sub(n.reported) < reportEvery {
		return
	}
	n.reported = now
	for _, e := range r.size.eventsLocked(n.lately) {
		r.cfg.Events.Post(e)
	}
	clear(n.lately)
}

// eventsLocked returns tallies as events, those with most messages first.
func (r roomSize) eventsLocked(all tallies) (out []event.NotKept) {
	for via, t := range all {
		e := event.NotKept{Scope: r.scope, Messages: t.messages, People: len(t.authors), More: t.more, Deleted: via.IsZero(),
			Limit: int64(r.mu.size.budget.Limit()), Strangers: true}
		authors := slices.SortedFunc(maps.Keys(t.authors), func(a, b identity.Key) int {
			return cmp.Or(cmp.Compare(t.authors[b], t.authors[a]), a.Compare(b))
		})
		for _, author := range authors {
			if level, _ := r.cfg.Host.Standing(author, identity.Key{}); level > standing.Heard {
				e.Strangers = false
			}
			if len(e.Authors) < namedAuthors {
				e.Authors = append(e.Authors, r.size.voterLocked(author))
			}
		}
		if _, own := t.authors[via]; !via.IsZero() && (!own || len(t.authors) > 1) {
			v := r.size.voterLocked(via)
			e.Via = &v
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b event.NotKept) int { return cmp.Compare(b.Messages, a.Messages) })
	return out
}

// voterLocked returns a key as events carry it.
func (r roomSize) voterLocked(key identity.Key) event.Voter {
	name, here := r.nameOfLocked(key)
	return event.Voter{Key: key, ID: key.ID().String(), Name: name, Here: here}
}

// statusLocked returns what /status says of the room's size.
func (r roomSize) statusLocked() event.RoomSize {
	b := r.mu.size.budget
	return event.RoomSize{Used: int64(b.Used()), Limit: int64(b.Limit()), Refused: len(r.mu.size.refused),
		NotKept: r.size.eventsLocked(r.mu.size.notKept.total)}
}
