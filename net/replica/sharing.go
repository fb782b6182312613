package replica

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
)

// Open rooms of one name are one room wherever they meet, so yesterday's messages at home are not for a stranger in
// today's café. A key that is new in this room is given only what arrived here in the Config.Share before its first
// meeting, and all that came after. That stays so, however often the peer comes back.

// Values of Config.Share.
const (
	ShareDefault = 12 * time.Hour
	ShareAll     = time.Duration(math.MaxInt64)
	ShareNone    = time.Duration(-1)
)

// sharing decides how much history a key gets. What it guards stands under the replica's lock.
type sharing struct{ *Replica }

func (r sharing) loadFirstSeen(ctx context.Context) error {
	values, err := r.store.ListValues(ctx, r.bucket("first-met"))
	for _, v := range values {
		key, bad := identity.KeyFromBytes(v.Key)
		if bad == nil && len(v.Value) == 8 {
			r.mu.firstSeen[key] = time.UnixMilli(int64(binary.BigEndian.Uint64(v.Value)))
			r.mu.firstSeenLimit.note(key)
		}
	}
	return err
}

// noteFirstSeen remembers a first meeting. since says from when on what arrived here is for that key.
func (r sharing) noteFirstSeen(key identity.Key) (since time.Time, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, known := r.mu.firstSeen[key]
	if !known {
		at = time.Now()
		r.mu.firstSeen[key] = at
		r.mu.firstSeenUnsaved = append(r.mu.firstSeenUnsaved, key)
	}
	r.mu.size.via = key
	r.mu.firstSeenLimit.note(key)
	switch r.cfg.Share {
	case ShareAll:
		return time.Time{}, !known
	case ShareNone:
		return at, !known
	}
	return at.Add(-r.cfg.Share), !known
}

// saveFirstSeenLocked saves the first meetings since it was called last. When a large room starts, one write then saves
// those of a second together.
func (r sharing) saveFirstSeenLocked() {
	for _, key := range r.mu.firstSeenUnsaved {
		at, known := r.mu.firstSeen[key]
		if !known { // another key took its place
			continue
		}
		if err := r.store.Put(r.bucket("first-met"), key.Bytes(), binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))); err != nil {
			r.cfg.Log.Warn("not saved", "error", err)
		}
	}
	r.mu.firstSeenUnsaved = nil
}

// forgetFirstSeenLocked forgets a first meeting: the key is met for the first time again.
func (r sharing) forgetFirstSeenLocked(key identity.Key) {
	delete(r.mu.firstSeen, key)
	if err := r.store.Delete(r.bucket("first-met"), key.Bytes()); err != nil {
		r.cfg.Log.Warn("not deleted", "error", err)
	}
}

// share is how much of the past a peer gets. The replica's lock guards its floors, which cover all feeds in memory but
// those that began after the peer came: of these it gets everything.
type share struct {
	key    identity.Key
	since  time.Time // what arrived before is kept back; zero: nothing is
	floors map[record.FeedKey]uint64
}

// floorLocked returns the first seq of a feed in memory that a peer gets.
func (s *share) floorLocked(key record.FeedKey) uint64 {
	if s == nil {
		return 0
	}
	return s.floors[key]
}

// limitLocked returns what a peer hears that we hold of a feed in memory.
func (s *share) limitLocked(h room.Holding) room.Holding {
	h.Floor = min(max(h.Floor, s.floorLocked(h.Key)), h.Seq+1)
	return h
}

// add takes floors that were found.
func (s *share) add(floors map[record.FeedKey]uint64) { maps.Copy(s.floors, floors) }

// floors returns the first seq of each feed that a peer gets, where that isn't the beginning. It waits for the disk.
//
// What arrives from now on is for every peer here, so a feed of which nothing is recent begins, for this peer, where it
// ends now. A peer may always have its own messages back.
func (r sharing) floors(s *share, feeds []record.FeedKey) map[record.FeedKey]uint64 {
	floors := map[record.FeedKey]uint64{}
	if s == nil || s.since.IsZero() {
		return floors
	}
	feeds = slices.DeleteFunc(slices.Clone(feeds), func(key record.FeedKey) bool { return key.Author == s.key })
	recent, err := r.store.ShareFrom(r.cfg.Group.Context(), s.since, feeds)
	if err != nil {
		r.cfg.Log.Warn("read the store", "error", err)
		recent = nil // nothing is shared by mistake
	}
	for _, key := range feeds {
		f, cold, known := r.store.State(key)
		floor, any := recent[key]
		switch {
		case !any && cold:
			floor = math.MaxUint64
		case !any && known:
			floor = f.Next
		}
		if floor > f.Floor {
			floors[key] = floor
		}
	}
	return floors
}

// shareWith returns how much of the past a peer gets; nil when it may have all. limitedFirst says that it is met for
// the first time and something is kept back. It waits for the disk.
func (r sharing) shareWith(key identity.Key) (s *share, limitedFirst bool) {
	since, first := r.sharing.noteFirstSeen(key)
	if since.IsZero() {
		return nil, false
	}
	s = &share{key: key, since: since, floors: map[record.FeedKey]uint64{}}
	r.mu.Lock()
	r.mu.shares[s] = true // blocks that come into memory meanwhile bring their floors
	r.mu.Unlock()
	floors := r.sharing.floors(s, keysOf(r.store.Frontier()))
	r.mu.Lock()
	s.add(floors)
	r.mu.Unlock()
	return s, first && (len(floors) > 0 || r.sharing.keepsBackCold(s))
}

// keepsBackCold reports whether a peer gets less than all of the cold feeds. It waits for the disk.
func (r sharing) keepsBackCold(s *share) bool {
	less := false
	err := r.store.Blocks(r.cfg.Group.Context(), func(b store.Block) error {
		if less = b.Cold && len(r.sharing.floors(s, keysOf(b.Feeds))) > 0; less {
			return io.EOF // this block is enough
		}
		return nil
	})
	return less || err != nil
}

// formatSpan writes a duration as the flags take it: 12h and 2d, not 12h0m0s.
func formatSpan(d time.Duration) string {
	const day = 24 * time.Hour
	if d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// noteLimitedShareLocked reports once that a stranger doesn't get everything.
func (r sharing) noteLimitedShareLocked(p *peer) {
	what := "what arrived here in the last " + formatSpan(r.cfg.Share)
	if r.cfg.Share == ShareNone {
		what = "nothing that was said before"
	}
	name, _ := r.nameOfLocked(p.key)
	r.notice(event.Info, fmt.Sprintf("%s was never here before: of the room's past they get %s", name, what), "--share-history all, none or a time like 12h changes that")
}

// warnTruncatedLocked reports once, to a person that is new here, that not all of the past can be had.
func (r sharing) warnTruncatedLocked(p *peer, theirs []room.Holding) {
	if !r.mu.warnedTruncated && r.room.HasTruncatedFeeds(theirs) {
		r.sharing.warnLessLocked(p)
	}
}

// warnLessLocked reports once that a peer keeps a part of the past back.
func (r sharing) warnLessLocked(p *peer) {
	if r.mu.warnedTruncated {
		return
	}
	r.mu.warnedTruncated = true
	name, _ := r.nameOfLocked(p.key)
	r.notice(event.Info, name+" hands on only a part of the messages from before you came", "their --share-history or --keep says how much; others may have more")
}
