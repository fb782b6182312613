package node

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

// Open rooms of one name are one room wherever they meet, so what was said yesterday at home is not for
// whoever sits in the café today. A key that was never met in this room before is given only what
// arrived here in the Config.Share before that first meeting, and all that came after it, however often
// it comes back (DESIGN.md §3).

// Values of Config.Share.
const (
	ShareDefault = 12 * time.Hour
	ShareAll     = time.Duration(math.MaxInt64)
	ShareNone    = time.Duration(-1)
)

// maxMet bounds the keys that are remembered: whoever can reach the port can come with a new one every
// second. One that isn't remembered is met for the first time again.
const maxMet = 1 << 16

func (n *Node) loadMet(ctx context.Context) error {
	blobs, err := n.store.ListValues(ctx, n.under("first-met"))
	for _, b := range blobs {
		key, bad := identity.KeyFromBytes(b.Key)
		if bad == nil && len(b.Value) == 8 {
			n.met[key] = time.UnixMilli(int64(binary.BigEndian.Uint64(b.Value)))
		}
	}
	return err
}

// meet notes the first meeting with a key, and reports since when what arrived here is for it, and
// whether this is that meeting.
func (n *Node) meet(key identity.Key) (since time.Time, first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, known := n.met[key]
	if !known {
		at = time.Now()
		if len(n.met) < maxMet {
			n.met[key] = at
			if err := n.store.Put(n.under("first-met"), key.Bytes(), binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))); err != nil {
				n.cfg.Log.Warn("not saved", "error", err)
			}
		}
	}
	switch n.cfg.Share {
	case ShareAll:
		return time.Time{}, !known
	case ShareNone:
		return at, !known
	}
	return at.Add(-n.cfg.Share), !known
}

// limits is where the feeds begin for a peer, nil when it may have all; tell: it is met for the first
// time, and something is kept back. Called without mu: it waits for the disk.
func (n *Node) limits(key identity.Key) (limit map[record.FeedKey]uint64, tell bool) {
	since, first := n.meet(key)
	if since.IsZero() {
		return nil, false
	}
	feeds := n.store.Frontier()
	floors, err := n.store.ShareFrom(n.group.Context(), since)
	if err != nil {
		n.cfg.Log.Warn("read the store", "error", err)
		floors = nil // nothing is shared by mistake
	}
	limit = map[record.FeedKey]uint64{}
	for _, f := range feeds {
		// What arrives from now on is for everybody here, so a feed of which nothing is recent begins,
		// for this peer, where it ends now. One's own lines one may have back.
		floor, any := floors[f.Key]
		if !any {
			floor = f.Next
		}
		if floor > f.Floor && f.Key.Author != key {
			limit[f.Key] = floor
		}
	}
	return limit, first && len(limit) > 0
}

// spanText is a time as the flags take it: 12h and 2d, not 12h0m0s.
func spanText(d time.Duration) string {
	const day = 24 * time.Hour
	if d > 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// keptBack says once that a stranger doesn't get everything. Called with mu held.
func (n *Node) keptBack(p *peer) {
	what := "what arrived here in the last " + spanText(n.cfg.Share)
	if n.cfg.Share == ShareNone {
		what = "nothing that was said before"
	}
	n.notice(event.Info, fmt.Sprintf("%s was never here before: of the room's past they get %s", p.Name, what), "--share-history all, none or a time like 12h changes that")
}

// cutShort says once, to whom it is new here, that not all that was said can be had. Called with mu held,
// before anything of theirs is asked for.
func (n *Node) cutShort(p *peer, theirs []room.Holding) {
	if n.toldCut || !n.room.HasTruncatedFeeds(theirs) {
		return
	}
	n.toldCut = true
	n.notice(event.Info, p.Name+" hands on only a part of what was said here before you came", "their --share-history or --keep says how much; others may have more")
}
