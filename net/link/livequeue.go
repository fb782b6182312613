package link

import (
	"maps"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/wire"
)

// Limits of a link's live queue. Each flow may have at most three times what is still free, and a group of flows at
// most fifteen times that (dynamic thresholds: Choudhury and Hahne, 1998). So a flow that waits alone may have
// limits[live], and others always find space beside it.
const (
	liveFrames  = 1366
	liveBytes   = 4 << 20 / 3
	freePerFlow = 3
	freeOfGroup = 15
)

// maxFull bounds the keys that are remembered as full. One more isn't: its next frame may be taken again, and what was
// refused is found by a comparison.
const maxFull = 4096

// liveQueue holds live frames, which are written in turn by flow. A flow that has more than its part is full: it
// accepts no frame until all that wait are written. Its user guards it.
type liveQueue struct {
	waiting fair.Queue[wire.Frame]
	full    map[identity.Key]fair.Flow
}

// push reports whether the frame was accepted.
func (q *liveQueue) push(f wire.Frame, of fair.Flow, rank int) bool {
	if _, full := q.full[of.Key]; full {
		return false
	}
	if !q.fits(of, len(f)) {
		if q.full == nil {
			q.full = map[identity.Key]fair.Flow{}
		}
		if len(q.full) < maxFull {
			q.full[of.Key] = of
		}
		return false
	}
	q.waiting.Push(of, rank, len(f), f)
	return true
}

// fits reports whether a frame of a flow still fits. The first frame of a group always does: groups aren't free.
func (q *liveQueue) fits(of fair.Flow, size int) bool {
	own, group := q.waiting.Of(of)
	frames, bytes := q.free()
	frames, bytes = frames-1, bytes-size // with it
	switch {
	case group.Len == 0:
		return true
	case frames < 0, bytes < 0, group.Len+1 > freeOfGroup*frames, group.Bytes+size > freeOfGroup*bytes:
		return false
	}
	return own.Len == 0 || own.Len+1 <= freePerFlow*frames && own.Bytes+size <= freePerFlow*bytes
}

// free returns how much the queue still takes.
func (q *liveQueue) free() (frames, bytes int) {
	return liveFrames - q.waiting.Len(), liveBytes - q.waiting.Bytes()
}

// space returns how many more small frames of our own fit.
func (q *liveQueue) space() int {
	own, _ := q.waiting.Of(fair.Flow{})
	frames, bytes := q.free()
	_, full := q.full[identity.Key{}]
	if full || own.Bytes > 0 && own.Bytes >= freePerFlow*bytes {
		return 0
	}
	return max(0, (freePerFlow*frames-own.Len)/(freePerFlow+1))
}

// halfEmpty reports whether our own frames take at most half of the space that they may have now.
func (q *liveQueue) halfEmpty() bool {
	own, _ := q.waiting.Of(fair.Flow{})
	_, bytes := q.free()
	space := q.space()
	return space > 0 && own.Len <= space && own.Bytes <= (freePerFlow*bytes-own.Bytes)/(freePerFlow+1)
}

// drained reports whether a flow that was full is no longer.
func (q *liveQueue) drained() bool {
	for _, of := range q.full {
		if q.isDrained(of) {
			return true
		}
	}
	return false
}

// isDrained reports whether a flow has no frame left, and its group not many.
func (q *liveQueue) isDrained(of fair.Flow) bool {
	own, group := q.waiting.Of(of)
	return own.Len == 0 && group.Len <= limits[live].frames/2 && group.Bytes <= limits[live].bytes/2
}

// reopen ends the fullness of flows that are drained.
func (q *liveQueue) reopen() {
	maps.DeleteFunc(q.full, func(_ identity.Key, of fair.Flow) bool { return q.isDrained(of) })
}
