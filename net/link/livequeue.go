package link

import (
	"maps"

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

// liveQueue holds live frames, which are written in turn by flow. A flow that has more than its part is full: it
// accepts no frame until all that wait are written. Its user guards it.
type liveQueue struct {
	waiting fair.Queue[wire.Frame]
	full    map[fair.Flow]bool
}

// push reports whether the frame was accepted.
func (q *liveQueue) push(f wire.Frame, of fair.Flow, rank int) bool {
	if q.full[of] {
		return false
	}
	if !q.fits(of, len(f)) {
		if q.full == nil {
			q.full = map[fair.Flow]bool{}
		}
		q.full[of] = true
		return false
	}
	q.waiting.Push(of, rank, len(f), f)
	return true
}

// fits reports whether a frame of a flow still fits. The first frame of a group always does: groups aren't free.
func (q *liveQueue) fits(of fair.Flow, size int) bool {
	own, group := q.waiting.Of(of)
	frames, bytes := liveFrames-q.waiting.Len()-1, liveBytes-q.waiting.Bytes()-size // free, with it
	switch {
	case group.Len == 0:
		return true
	case frames < 0, bytes < 0, group.Len+1 > freeOfGroup*frames, group.Bytes+size > freeOfGroup*bytes:
		return false
	}
	return own.Len == 0 || own.Len+1 <= freePerFlow*frames && own.Bytes+size <= freePerFlow*bytes
}

// space returns how many more small frames of our own fit.
func (q *liveQueue) space() int {
	own, _ := q.waiting.Of(fair.Flow{})
	free := liveFrames - q.waiting.Len()
	if q.full[fair.Flow{}] || own.Len > 0 && own.Bytes >= freePerFlow*(liveBytes-q.waiting.Bytes()) {
		return 0
	}
	return max(0, (freePerFlow*free-own.Len)/(freePerFlow+1))
}

// halfEmpty reports whether our own frames take at most half of their space.
func (q *liveQueue) halfEmpty() bool {
	own, _ := q.waiting.Of(fair.Flow{})
	space := q.space()
	return space > 0 && own.Len <= space && own.Bytes <= limits[live].bytes/2
}

// drained reports whether a flow that was full is no longer.
func (q *liveQueue) drained() bool {
	for of := range q.full {
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
	maps.DeleteFunc(q.full, func(of fair.Flow, _ bool) bool { return q.isDrained(of) })
}
