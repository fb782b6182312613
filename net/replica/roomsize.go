package replica

import (
	"context"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

// A room has a size that its authors share (see package standing). An author uses the bytes of its stored records,
// and endSize for the end of each feed. Authors that aren't known have a quarter of the room together, of which heard
// ones keep an eighth against met ones. Above that, and above the whole, an author gives way: first the oldest records of
// its oldest feed. The ends stay, so that peers that compare find nothing to send again. An author that has nothing but
// ends left goes with them, and is refused for a while. What would be deleted at once is refused before the room takes
// it, so that it isn't handed on either.

// Sizes of a room.
const (
	DefaultSize = 512 << 20
	MinSize     = 16 << 20
	endSize     = 200 // bytes of a feed's end
	minDrop     = 4 << 10
	probeSize   = endSize + store.RecordOverhead + 300 // what an author's first record takes
)

// roomSize shares the room's size between authors. What it guards stands under the replica's lock.
type roomSize struct{ *Replica }

// sizeState is what roomSize and refusing guard.
type sizeState struct {
	budget       *standing.Budget[identity.Key]
	authors      map[identity.Key]*authorUse
	via          identity.Key // the peer whose record is being taken
	lastRank     knownRank
	refused      map[identity.Key]time.Time // authors that went, until when nothing of them is taken
	refusedOrder []refusedAuthor            // the same by age, and some that aren't refused any more
	taken        takenList
	forget       bool // the planner must forget what it knows of refused authors
	recount      bool // the store must say what each author uses
	notKept      notKept
}

// authorUse is an author's use of the room besides its records.
type authorUse struct {
	forks []record.Feed // those whose fork has evidence in the store
	fixed int           // bytes that go only with the whole author: the ends of its feeds, evidence of forks
}

// heardPart is the part of what strangers use that heard keys keep: an eighth.
const heardPart = 8

func newSizeState(size int) sizeState {
	budget := standing.NewBudget[identity.Key](size, size/4)
	budget.KeepForHeard(heardPart)
	return sizeState{
		budget: budget, authors: map[identity.Key]*authorUse{},
		refused: map[identity.Key]time.Time{}, notKept: newNotKept(),
	}
}

// loadRecords counts the records that are here from before, which may take a moment.
func (r roomSize) loadRecords(ctx context.Context) {
	if err := r.store.WaitSizes(ctx); err != nil {
		if ctx.Err() == nil {
			r.cfg.Log.Warn("the room's size is not known", "error", err)
		}
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.size.recountLocked()
	r.size.enforceLocked(identity.Key{})
}

// recountLocked takes over what the store says of all authors, if it knows. What the room counted by itself includes
// what the store lost.
func (r roomSize) recountLocked() {
	sizes, known := r.store.Sizes()
	if r.mu.size.recount = !known; !known {
		return
	}
	r.mu.size.via = identity.Key{}
	for author := range r.mu.size.authors {
		if n := max(0, sizes[author]) - r.size.recordBytesLocked(author); n != 0 {
			r.size.addBytesLocked(author, n)
		}
	}
}

// rankFor is how often a rank is used before it is looked up again.
const rankFor = 64

// knownRank is a rank that was looked up. Many records in a row are of one author.
type knownRank struct {
	author, via identity.Key
	level       standing.Level
	source      standing.Source
	left        int
}

// rankOf returns what decides who gives way. via is the link whose record is being taken.
func (r roomSize) rankOf(author identity.Key) (standing.Level, standing.Source) {
	s := &r.mu.size
	k := &s.lastRank
	if k.left == 0 || k.author != author || k.via != s.via {
		*k = knownRank{author: author, via: s.via, left: rankFor}
		k.level, k.source = r.cfg.Host.Standing(author, s.via)
	}
	k.left--
	return k.level, k.source
}

// addBytesLocked adds n bytes, which may be negative, to what an author uses.
func (r roomSize) addBytesLocked(author identity.Key, n int) {
	level, source := r.size.rankOf(author)
	r.mu.size.budget.Add(author, level, source, n)
}

// useOfLocked returns what an author uses besides its records.
func (r roomSize) useOfLocked(author identity.Key) *authorUse {
	a := r.mu.size.authors[author]
	if a == nil {
		a = &authorUse{}
		r.mu.size.authors[author] = a
	}
	return a
}

// addFeedsLocked counts the ends of feeds that are new here.
func (r roomSize) addFeedsLocked(author identity.Key, feeds int) {
	r.size.useOfLocked(author).fixed += feeds * endSize
	r.size.addBytesLocked(author, feeds*endSize)
}

// addForkLocked counts the evidence of a fork.
func (r roomSize) addForkLocked(f *room.Fork) {
	if f.A == nil {
		return
	}
	a := r.size.useOfLocked(f.Key.Author)
	if slices.Contains(a.forks, f.Key.Feed) {
		return // one further down replaces it
	}
	n := len(f.A.Signed()) + len(f.B.Signed()) + store.RecordOverhead
	a.forks = append(a.forks, f.Key.Feed)
	a.fixed += n
	r.size.addBytesLocked(f.Key.Author, n)
}

// addLocked counts records that the room took. isNew says that the first of them began a feed here.
func (r roomSize) addLocked(added []store.Entry, isNew bool) {
	if len(added) == 0 {
		return
	}
	key := added[0].Record.FeedKey()
	if isNew {
		r.size.addFeedsLocked(key.Author, 1)
	}
	n := 0
	for _, e := range added {
		if !e.Skipped { // those lengthen a stub
			n += sizeOf(e.Record)
		}
	}
	r.size.addBytesLocked(key.Author, n)
	r.size.enforceLocked(key.Author)
}

// admitLocked decides whether a record may be taken, before anything of it is.
func (r roomSize) admitLocked(from identity.Key, rec *record.Record) bool {
	author := rec.Author()
	r.mu.size.via = from
	if author == r.cfg.Identity.Key() || !r.room.HasPlaceFor(rec) {
		return true
	}
	n := sizeOf(rec)
	if !r.room.HasFeed(rec.FeedKey()) {
		n += endSize
	}
	if !r.refusals.isRefusedLocked(author) {
		if r.size.fitsLocked(author, n) {
			return true
		}
		if level, _ := r.size.rankOf(author); r.mu.size.authors[author] != nil && level < standing.Known {
			r.size.removeLocked(author) // it has only ends, and there is no place for more
		}
	}
	r.refusals.noteRefusedLocked(from, author)
	r.mu.size.notKept.add(from, author, 1)
	return false
}

// sizeOf returns what a record uses.
func sizeOf(rec *record.Record) int { return len(rec.Signed()) + store.RecordOverhead }

// admitFillLocked decides whether a record may take its place among those that a stub stands for.
func (r roomSize) admitFillLocked(from identity.Key, rec *record.Record) bool {
	author := rec.Author()
	r.mu.size.via = from
	if author == r.cfg.Identity.Key() || !r.refusals.isRefusedLocked(author) && r.size.fitsLocked(author, sizeOf(rec)) {
		return true
	}
	r.mu.size.notKept.add(from, author, 1)
	return false
}

// addFilledLocked counts a record that took its place among those that a stub stands for.
func (r roomSize) addFilledLocked(rec *record.Record) {
	r.size.addBytesLocked(rec.Author(), sizeOf(rec))
	r.size.enforceLocked(rec.Author())
}

// fitsLocked reports whether an author's next n bytes leave it with anything.
func (r roomSize) fitsLocked(author identity.Key, n int) bool {
	b := r.mu.size.budget
	if b.HasFree(standing.Heard, n) { // as mostly, and then for everyone
		return true
	}
	level, source := r.size.rankOf(author)
	b.Add(author, level, source, n)
	victim, over := b.Victim(author)
	b.Take(author, n)
	return !over || victim != author || r.size.recordBytesLocked(author) > 0
}

// recordBytesLocked returns what an author's records use, without what goes only with the whole author.
func (r roomSize) recordBytesLocked(author identity.Key) int {
	used := r.mu.size.budget.UsedBy(author)
	if a := r.mu.size.authors[author]; a != nil {
		used -= a.fixed
	}
	return used
}

// enforceLocked has authors give way until all fit, because newcomer used more.
func (r roomSize) enforceLocked(newcomer identity.Key) {
	for {
		victim, over := r.mu.size.budget.Victim(newcomer)
		if !over {
			return
		}
		if can, _ := r.size.canGiveLocked(victim); !can && victim == newcomer {
			if level, _ := r.size.rankOf(victim); level == standing.Known { // others give before it is forgotten
				newcomer = identity.Key{}
				continue
			}
		}
		if !r.size.giveWayLocked(victim) {
			return
		}
	}
}

// canGiveLocked says how a known author gives way (see standing.Budget): it is forgotten only when no other has records
// left, and we give after all others.
func (r roomSize) canGiveLocked(author identity.Key) (can, last bool) {
	return r.size.recordBytesLocked(author) > 0, author == r.cfg.Identity.Key()
}

// giveWayLocked deletes the beginning of what an author has, or all of it if only ends are left. It reports false
// where nothing can go.
func (r roomSize) giveWayLocked(author identity.Key) bool {
	b := r.mu.size.budget
	used, records := b.UsedBy(author), r.size.recordBytesLocked(author)
	if used > b.Limit()/8 {
		r.cfg.Host.NoteOver(author)
	}
	if records > 0 {
		n := min(records, max(used/16, minDrop)) // in large pieces: a long flood must not pay for this at every record
		b.Take(author, n)
		r.store.DropOldest(author, n)
		return true
	}
	if author == r.cfg.Identity.Key() {
		return false
	}
	r.size.removeLocked(author)
	return true
}

// removeLocked forgets an author, and refuses it for a while.
func (r roomSize) removeLocked(author identity.Key) {
	if a := r.mu.size.authors[author]; a != nil {
		r.room.RemoveAuthor(author)
		r.forks.removeEvidence(author, a.forks)
		r.spans.removeAuthorLocked(author)
		delete(r.mu.size.authors, author)
	}
	delete(r.mu.unknown, author)
	r.store.RemoveAuthor(author)
	r.mu.size.budget.Take(author, r.mu.size.budget.UsedBy(author))
	r.refusals.refuseLocked(author)
}

// tickLocked follows what the store deleted meanwhile.
func (r roomSize) tickLocked() {
	r.mu.size.via, r.mu.size.lastRank = identity.Key{}, knownRank{}
	for _, d := range r.store.TakeDropped() {
		if r.mu.size.authors[d.Author] == nil {
			continue // it went as a whole
		}
		if n := d.Asked - d.Freed; n != 0 {
			r.size.addBytesLocked(d.Author, max(n, -r.size.recordBytesLocked(d.Author)))
			r.mu.size.recount = r.mu.size.recount || n > 0 // it hasn't as much as was counted
		}
		if d.Asked > 0 {
			r.mu.size.notKept.addDeleted(d.Author, d.Records)
		}
		floors := make(map[record.FeedKey]uint64, len(d.Floors))
		for n, floor := range d.Floors {
			floors[record.FeedKey{Author: d.Author, Feed: n}] = floor
		}
		r.room.DropBelow(floors)
	}
	if r.mu.size.recount {
		r.size.recountLocked()
	}
	for _, p := range r.mu.linked {
		if r.mu.size.authors[p.key] != nil {
			r.size.addBytesLocked(p.key, 0) // moves it to where its standing is by now
		}
	}
	r.size.enforceLocked(identity.Key{})
	r.size.reportNotKeptLocked()
}
