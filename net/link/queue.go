package link

import (
	"context"
	"sync"

	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/wire"
)

// class is the urgency of a frame; lower classes are written first.
type class int

const (
	control class = iota // small and urgent
	live                 // live records
	bulk                 // answers to a Want
	classes
)

// limits says how many frames and bytes of a class may wait; of live ones, those of one flow. A single frame always may.
var limits = [classes]struct{ frames, bytes int }{
	control: {256, 1 << 20},
	live:    {1024, 1 << 20},
	bulk:    {8, 512 << 10},
}

// piece is how many bytes the writer passes to TLS at once: one TLS record.
const piece = 16 << 10

// queue holds the frames that wait to be written on one link. Any goroutine may push; the writer alone
// takes. Live frames are shared between flows (see livequeue.go).
type queue struct {
	mu     sync.Mutex
	waits  [classes]fifo // but for live
	live   liveQueue
	sealed bool       // push accepts no more frames
	bye    wire.Frame // the very last frame; may be nil
	idle   bool       // the writer waits for wake
	wake   chan struct{}
	space  [classes]chan struct{} // closed when the class is at most half full; nil if no one waits

	gathering bool // live frames wait until there is a piece of them
	released  bool // those that wait go out all the same
	pieceSent bool // live frames went out since release was last called, without it
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push reports whether the frame was accepted. A live frame is our own.
func (q *queue) push(c class, f wire.Frame) bool {
	if c == live {
		return q.pushLive(f, fair.Flow{}, 0)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.waits[c]
	if q.sealed || w.len() > 0 && (w.len() >= limits[c].frames || w.bytes+len(f) > limits[c].bytes) {
		return false
	}
	w.push(f)
	q.wakeWriterLocked()
	return true
}

// pushLive queues a live frame of any flow, as push does.
func (q *queue) pushLive(f wire.Frame, of fair.Flow, rank int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed || !q.live.push(f, of, rank) {
		return false
	}
	if !q.gathersLocked() {
		q.wakeWriterLocked()
	}
	return true
}

// gatherLive has live frames wait until there is a piece of them, or ends that.
func (q *queue) gatherLive(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gathering = on; !on {
		q.wakeWriterLocked()
	}
}

// release sends the live frames that wait, unless a piece went out since the last call.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gathering && !q.pieceSent && q.live.waiting.Len() > 0 {
		q.released = true
		q.wakeWriterLocked()
	}
	q.pieceSent = false
}

// gathersLocked reports whether the live frames that wait are to wait for more.
func (q *queue) gathersLocked() bool {
	return q.gathering && !q.released && !q.sealed && q.live.waiting.Bytes() < piece
}

// wakeWriterLocked wakes the writer if it is idle.
func (q *queue) wakeWriterLocked() {
	if q.idle {
		q.idle = false
		q.wake <- struct{}{} // never blocks: the writer empties it before idle is set again
	}
}

// seal makes push refuse all frames. The writer writes the waiting frames, and then bye as the last. A
// second call does nothing.
func (q *queue) seal(bye wire.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed {
		return
	}
	q.sealed, q.bye = true, bye
	q.notifySpaceLocked()
	q.wakeWriterLocked()
}

// drop seals the queue and discards the waiting frames.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sealed, q.bye = true, nil
	q.waits, q.live = [classes]fifo{}, liveQueue{}
	q.notifySpaceLocked()
	q.wakeWriterLocked()
}

// take fills buf with whole frames, the most urgent first, or returns a single frame that is longer than
// buf. It returns no bytes if no frame waits: then the writer waits for wake, unless done says that the
// queue is sealed and empty. drained says that out has the last frame of a flow that was full, so that reopen is
// due once out is written.
func (q *queue) take(buf []byte) (out []byte, drained, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out = buf[:0]
	taken, liveTaken := class(-1), false
filling:
	for c := range classes {
		for q.lenLocked(c) > 0 && !(c == live && len(out) == 0 && q.gathersLocked()) {
			switch f := q.firstLocked(c); {
			case len(out)+len(f) <= cap(out):
				out = append(out, f...)
			case len(out) == 0:
				out = f
			default:
				break filling
			}
			q.popLocked(c)
			liveTaken = liveTaken || c == live
			if taken = c; c == bulk || len(out) > cap(buf) {
				break filling // urgent frames may come any moment, so bulk frames go out singly
			}
		}
	}
	if taken < 0 && q.sealed {
		out, q.bye = append(out, q.bye...), nil
		return out, false, true
	}
	q.notifySpaceLocked()
	q.pieceSent = q.pieceSent || liveTaken && !q.released
	q.released = q.released && q.live.waiting.Len() > 0
	q.idle = taken < 0
	return out, taken >= 0 && q.live.drained(), false
}

func (q *queue) lenLocked(c class) int {
	if c == live {
		return q.live.waiting.Len()
	}
	return q.waits[c].len()
}

func (q *queue) firstLocked(c class) wire.Frame {
	if c == live {
		f, _ := q.live.waiting.Peek()
		return f
	}
	return q.waits[c].first()
}

func (q *queue) popLocked(c class) {
	if c == live {
		q.live.waiting.Pop()
		return
	}
	q.waits[c].pop()
}

// reopen makes push accept live frames again of flows that were full and are drained. It reports whether the queue
// isn't sealed.
func (q *queue) reopen() (open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.live.reopen()
	q.notifySpaceLocked()
	return !q.sealed
}

// notifySpaceLocked wakes callers of wait whose class has space, and all of them once the queue is sealed.
func (q *queue) notifySpaceLocked() {
	for c, space := range q.space {
		if space != nil && (q.sealed || q.hasSpaceLocked(class(c))) {
			close(space)
			q.space[c] = nil
		}
	}
}

// hasSpaceLocked reports whether the class is at most half full and accepts frames; of live ones, our own.
func (q *queue) hasSpaceLocked(c class) bool {
	if c == live {
		return q.live.halfEmpty()
	}
	w := &q.waits[c]
	return w.len() <= limits[c].frames/2 && w.bytes <= limits[c].bytes/2
}

// wait returns nil when the class is at most half full, ErrDown once the queue is sealed, or the cause of
// ctx's end.
func (q *queue) wait(ctx context.Context, c class) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.sealed && !q.hasSpaceLocked(c) {
		if q.space[c] == nil {
			q.space[c] = make(chan struct{})
		}
		space := q.space[c]
		q.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
		}
		q.mu.Lock()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if q.sealed {
		return ErrDown
	}
	return nil
}

// countSpace returns how many more frames of the class fit, if they are small; of live ones, our own.
func (q *queue) countSpace(c class) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.waits[c]
	if q.sealed || w.bytes >= limits[c].bytes {
		return 0
	}
	if c == live {
		return q.live.space()
	}
	return limits[c].frames - w.len()
}

// countBytes returns how many bytes of a class wait, but not of live ones.
func (q *queue) countBytes(c class) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waits[c].bytes
}

// fifo is a queue of frames.
type fifo struct {
	frames []wire.Frame // from head on
	head   int
	bytes  int
}

func (w *fifo) len() int          { return len(w.frames) - w.head }
func (w *fifo) first() wire.Frame { return w.frames[w.head] }

func (w *fifo) push(f wire.Frame) {
	if w.head > 64 && w.head > len(w.frames)/2 {
		n := copy(w.frames, w.frames[w.head:])
		clear(w.frames[n:])
		w.frames, w.head = w.frames[:n], 0
	}
	w.frames = append(w.frames, f)
	w.bytes += len(f)
}

func (w *fifo) pop() {
	w.bytes -= len(w.frames[w.head])
	w.frames[w.head] = nil
	if w.head++; w.head == len(w.frames) {
		w.frames, w.head = w.frames[:0], 0
	}
}
