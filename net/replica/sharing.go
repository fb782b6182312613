package replica

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
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

// maxFirstSeen bounds the keys that are remembered. One that is not is met for the first time again.
const maxFirstSeen = 1 << 16

// sharing decides how much history a key gets. What it guards stands under the replica's lock.
type sharing struct{ *Replica }

func (r sharing) loadFirstSeen(ctx context.Context) error {
	values, err := r.store.ListValues(ctx, r.bucket("first-met"))
	for _, v := range values {
		key, bad := identity.KeyFromBytes(v.Key)
		if bad == nil && len(v.Value) == 8 {
			r.mu.firstSeen[key] = time.UnixMilli(int64(binary.BigEndian.Uint64(v.Value)))
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
		if len(r.mu.firstSeen) < maxFirstSeen {
			r.mu.firstSeen[key] = at
			if err := r.store.Put(r.bucket("first-met"), key.Bytes(), binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))); err != nil {
				r.cfg.Log.Warn("not saved", "error", err)
			}
		}
	}
	switch r.cfg.Share {
	case ShareAll:
		return time.Time{}, !known
	case ShareNone:
		return at, !known
	}
	return at.Add(-r.cfg.Share), !known
}

// shareWith returns where the feeds begin for a peer, nil when it may have all. limitedFirst says that
// it is met for the first time and something is kept back. It waits for the disk.
//
// What arrives from now on is for every peer here, so a feed of which nothing is recent begins, for
// this peer, where it ends now. A peer may always have its own messages back.
func (r sharing) shareWith(key identity.Key) (floors map[record.FeedKey]uint64, limitedFirst bool) {
	since, first := r.sharing.noteFirstSeen(key)
	if since.IsZero() {
		return nil, false
	}
	feeds := r.store.Frontier()
	recent, err := r.store.ShareFrom(r.cfg.Group.Context(), since)
	if err != nil {
		r.cfg.Log.Warn("read the store", "error", err)
		recent = nil // nothing is shared by mistake
	}
	floors = map[record.FeedKey]uint64{}
	for _, f := range feeds {
		floor, any := recent[f.Key]
		if !any {
			floor = f.Next
		}
		if floor > f.Floor && f.Key.Author != key {
			floors[f.Key] = floor
		}
	}
	return floors, first && len(floors) > 0
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
