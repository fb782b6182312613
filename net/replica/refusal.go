package replica

import (
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// Refusals travel back (see package wire, Refused). A peer that sends or lists records which we don't keep gets a
// Refused, and leaves them out of what it sends and sums up for us.

// Bounds of refusals.
const (
	refuseFor  = 5 * time.Minute
	longest    = time.Hour // a peer's refusal ends by then, whatever it says
	maxTold    = 1024      // refused authors that a link hears of by name
	maxRefused = 1 << 16   // authors that went and are remembered; one that isn't may go once more
)

// refusals is both sides of refusing. What it guards stands under the replica's lock.
type refusals struct{ *Replica }

// telling is what a link hears of the authors that we refuse.
type telling struct {
	able  bool // the peer understands it
	due   map[identity.Key]bool
	until map[identity.Key]time.Time // authors it heard of, and until when that holds
	all   time.Time                  // until then it hears of no more: it knows all that we take, or they are too many
	list  []identity.Key             // the rest of the authors that we take, on its way (takenlist.go)

	pageAt time.Time // when the last page of list went out, or it was made
}

// told is what a link's peer says of the authors that it refuses.
type told struct {
	takenPages
	authors map[identity.Key]time.Time
	taken   map[identity.Key]bool // nil: all but authors are taken
	until   time.Time             // the end of the list in taken
	next    time.Time             // when the first of it ends
	of      string                // the room's hash that hash belongs to; "": hash is unknown
	hash    string
}

// refuseLocked refuses an author for a while.
func (r refusals) refuseLocked(author identity.Key) {
	s, now := &r.mu.size, time.Now()
	for len(s.refusedOrder) > 0 && now.After(s.refusedOrder[0].until) { // the oldest go first: looking through all would take longer the more there are
		if first := s.refusedOrder[0]; s.refused[first.author].Equal(first.until) {
			delete(s.refused, first.author)
		}
		s.refusedOrder = s.refusedOrder[1:]
	}
	if len(s.refusedOrder) < maxRefused {
		until := now.Add(refuseFor)
		s.refused[author] = until
		s.refusedOrder = append(s.refusedOrder, refusedAuthor{author, until})
	}
	s.forget = true
}

// refusedAuthor is an author that went, and until when nothing of it is taken.
type refusedAuthor struct {
	author identity.Key
	until  time.Time
}

// isRefusedLocked reports whether an author went lately.
func (r refusals) isRefusedLocked(author identity.Key) bool {
	until, any := r.mu.size.refused[author]
	if any && time.Now().After(until) {
		delete(r.mu.size.refused, author)
		return false
	}
	return any
}

// noteRefusedLocked notes that a link has to hear of a refused author, which it sent or listed.
func (r refusals) noteRefusedLocked(from, author identity.Key) {
	r.mu.size.forget = true
	p := r.mu.peers[from]
	if p == nil || p.link == nil || !p.telling.able {
		return
	}
	t, now := &p.telling, time.Now()
	if now.Before(t.until[author]) || now.Before(t.all) || len(t.due) > maxTold {
		return
	}
	if t.due == nil {
		t.due, t.until = map[identity.Key]bool{}, map[identity.Key]time.Time{}
	}
	t.due[author] = true
}

// rank is what decides about an author of which nothing is here.
type rank struct {
	level  standing.Level
	source standing.Source
}

// refuserLocked returns whether an author that a peer lists would be refused. It remembers what it found for a rank, so
// that a list of 100,000 strangers costs little.
func (r refusals) refuserLocked() func(from, author identity.Key) bool {
	fits := map[rank]bool{}
	return func(from, author identity.Key) bool {
		switch {
		case author == r.cfg.Identity.Key():
			return false
		case r.refusals.isRefusedLocked(author):
			return true
		case r.mu.size.authors[author] != nil:
			return false
		}
		r.mu.size.via = from
		var k rank
		k.level, k.source = r.size.rankOf(author)
		ok, asked := fits[k]
		if !asked {
			ok = r.size.fitsLocked(author, probeSize)
			fits[k] = ok
		}
		return !ok
	}
}

// withoutRefusedLocked leaves out of a peer's frontier what would be refused, and notes that the peer has to hear of it.
func (r refusals) withoutRefusedLocked(p *peer, theirs []room.Holding) []room.Holding {
	refuses := r.refusals.refuserLocked()
	return slices.DeleteFunc(theirs, func(h room.Holding) bool {
		if !refuses(p.key, h.Key.Author) {
			return false
		}
		r.refusals.noteRefusedLocked(p.key, h.Key.Author)
		return true
	})
}

// tickLocked has the planner not ask for what would be refused, and sends peers what they must hear.
func (r refusals) tickLocked() {
	if r.mu.size.forget {
		r.mu.size.forget = false
		r.planner.RemoveAuthors(r.refusals.refuserLocked())
	}
	r.refusals.notifyLinksLocked()
	for _, p := range r.mu.linked {
		p.told.expirePages()
	}
}

// takeRefusedLocked notes the authors that a peer refuses.
func (r refusals) takeRefusedLocked(p *peer, m wire.Refused) {
	if len(m.Authors) > wire.MaxRefused || m.ForMs < 0 {
		r.cfg.Host.Refuse(p.key, "malformed refusal")
		return
	}
	t := &p.told
	until := time.Now().Add(time.Duration(min(m.ForMs, longest.Milliseconds())) * time.Millisecond)
	t.of = ""
	switch {
	case m.Taken:
		taken := r.refusals.takePageLocked(p, m)
		if taken == nil {
			return
		}
		t.taken, t.until, t.authors = taken, until, nil
	default:
		if t.authors == nil {
			t.authors = map[identity.Key]time.Time{}
		}
		for _, author := range m.Authors {
			if _, any := t.authors[author]; any || len(t.authors) < maxTold {
				t.authors[author] = until
			}
		}
	}
	if t.next.IsZero() || until.Before(t.next) {
		t.next = until
	}
	r.notifyLocked()
	if p.refusesAuthor(r.cfg.Identity.Key()) {
		r.refusals.postNotKeptLocked()
	}
}

// refusesAuthor reports whether a peer refuses an author's records now.
func (p *peer) refusesAuthor(author identity.Key) bool {
	t := &p.told
	if t.next.IsZero() {
		return false
	}
	if now := time.Now(); !now.Before(t.next) {
		t.expire(now)
	}
	if _, any := t.authors[author]; any {
		return true
	}
	return t.taken != nil && !t.taken[author]
}

// expire forgets refusals that have ended.
func (t *told) expire(now time.Time) {
	t.of, t.next = "", time.Time{}
	if !now.Before(t.until) {
		t.taken = nil
	}
	if t.taken != nil {
		t.next = t.until
	}
	for author, until := range t.authors {
		switch {
		case !now.Before(until):
			delete(t.authors, author)
		case t.next.IsZero() || until.Before(t.next):
			t.next = until
		}
	}
}

// HashFor returns the hash that a link's peer compares with its own. Half of it covers the feeds, but for those of
// authors that the peer refuses, and half the votes.
func (r *Replica) HashFor(l Link) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peerOfLocked(l); p != nil {
		return r.refusals.hashForLocked(p)
	}
	return r.outlines.hashOfAllLocked(l)
}

func (r refusals) hashForLocked(p *peer) string {
	leaveOut, t := r.refusals.leftOutLocked(p), &p.told
	if leaveOut == nil || !p.link.Can(wire.CapFeeds) && r.room.HasCold() {
		return r.outlines.hashOfAllLocked(p.link)
	}
	now, budget := r.room.Sum(nil).String(), r.outlines.budgetLocked(p.key)
	if t.of != now && (t.hash == "" || budget.hasLeft()) { // a peer that keeps changing what it refuses gets an old hash
		budget.charge(r.room.CountAuthors())
		if t.of = now; p.link.Can(wire.CapFeeds) {
			t.hash = r.room.Sum(leaveOut).String()
		} else {
			t.hash = r.room.HashExcept(leaveOut)
		}
	}
	return t.hash + r.votes.HashLocked()
}

// leftOutLocked returns which authors a peer refuses; nil if it refuses none.
func (r refusals) leftOutLocked(p *peer) func(identity.Key) bool {
	p.refusesAuthor(identity.Key{}) // forgets what has ended
	if p.told.next.IsZero() {
		return nil
	}
	return p.refusesAuthor
}

// pullHooks returns what package room asks about refusals while it compares by sums.
func (r refusals) pullHooks() (leftOut func(identity.Key) func(identity.Key) bool, refuses func() func(from, author identity.Key) bool) {
	leftOut = func(peer identity.Key) func(identity.Key) bool {
		if p := r.mu.peers[peer]; p != nil && p.link != nil {
			return r.refusals.leftOutLocked(p)
		}
		return nil
	}
	refuses = func() func(from, author identity.Key) bool {
		would := r.refusals.refuserLocked()
		return func(from, author identity.Key) bool {
			if !would(from, author) {
				return false
			}
			r.refusals.noteRefusedLocked(from, author)
			return true
		}
	}
	return leftOut, refuses
}

// countRefusersLocked counts the linked peers that don't keep our own messages.
func (r refusals) countRefusersLocked() (n int) {
	for _, p := range r.mu.linked {
		if p.refusesAuthor(r.cfg.Identity.Key()) {
			n++
		}
	}
	return n
}

// postNotKeptLocked reports the last message again, because peers don't keep it.
func (r refusals) postNotKeptLocked() {
	line := r.mu.lastSent
	if line.ID == "" || r.refusals.countRefusersLocked() == 0 {
		return
	}
	r.cfg.Events.Post(r.refusals.deliveredLocked(line.ID, line.Place.Seq+1))
}

// deliveredLocked says how far a message of ours has come. upto is its place in our feed + 1.
func (r refusals) deliveredLocked(id string, upto uint64) event.Delivered {
	has, lacks := r.acks.audienceLocked(upto)
	d := event.Delivered{Scope: r.scope, ID: id, Peers: len(has), Of: len(has) + len(lacks)}
	for _, p := range lacks {
		if p.link != nil && p.refusesAuthor(r.cfg.Identity.Key()) {
			d.NotKept++
		}
	}
	return d
}

// removeEvidence deletes the evidence of an author's forks.
func (r forks) removeEvidence(author identity.Key, feeds []record.Feed) {
	for _, n := range feeds {
		if err := r.store.Delete(r.bucket("forks"), forkKey(record.FeedKey{Author: author, Feed: n})); err != nil {
			r.cfg.Log.Warn("not deleted", "error", err)
		}
	}
}

// forkKey returns the key of a fork's evidence in the store.
func forkKey(key record.FeedKey) []byte { return append(key.Author.Bytes(), key.Feed.String()...) }
