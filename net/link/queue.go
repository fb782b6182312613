package link

import (
	"context"
	"sync"

	"chat.lan/p2pchat/net/wire"
)

// class is the urgency of a frame; the lower is written first.
type class int

const (
	control class = iota // small and urgent
	live                 // live records
	bulk                 // answers to a Want
	classes
)

// limit is how many frames and bytes of a class may wait. One frame always may.
var limits = [classes]struct{ frames, bytes int }{
	control: {256, 1 << 20},
	live:    {1024, 1 << 20},
	bulk:    {8, 512 << 10},
}

// piece is how much the writer hands to TLS at once, in bytes: one TLS record.
const piece = 16 << 10

// queue is what waits to be written on one link. Anybody may push; the writer alone takes.
type queue struct {
	mu     sync.Mutex
	waits  [classes]fifo
	sealed bool       // nothing more is accepted
	bye    wire.Frame // the very last frame; may be nil
	full   bool       // a live frame was turned away; all are, until reopen
	idle   bool       // the writer waits for wake
	wake   chan struct{}
	space  [classes]chan struct{} // closed when the class is at most half full; nil: nobody waits
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// push reports whether the frame was accepted.
func (q *queue) push(c class, f wire.Frame) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed || c == live && q.full {
		return false
	}
	w := &q.waits[c]
	if w.len() > 0 && (w.len() >= limits[c].frames || w.bytes+len(f) > limits[c].bytes) {
		q.full = q.full || c == live
		return false
	}
	w.push(f)
	q.rouse()
	return true
}

// rouse wakes the writer. Called with mu held.
func (q *queue) rouse() {
	if q.idle {
		q.idle = false
		q.wake <- struct{}{} // taken before idle is set again, so there is place
	}
}

// seal lets nothing more in. What waits will be written, then bye, then no more. It does
// nothing if that was done before.
func (q *queue) seal(bye wire.Frame) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sealed {
		return
	}
	q.sealed, q.bye = true, bye
	q.release()
	q.rouse()
}

// drop seals the queue and forgets what waits.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sealed, q.bye = true, nil
	q.waits = [classes]fifo{}
	q.release()
	q.rouse()
}

// take fills buf with whole frames, the most urgent first, or returns a frame that is longer than
// buf by itself. It returns nothing if nothing waits; idle then is set and wake will tell, unless
// the queue is done: sealed and empty. drained says that a full live queue is empty with this piece
// and that reopen is due once it is written.
func (q *queue) take(buf []byte) (out []byte, drained, done bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out = buf[:0]
	taken := class(-1)
filling:
	for c := range classes {
		for w := &q.waits[c]; w.len() > 0; {
			switch f := w.first(); {
			case len(out)+len(f) <= cap(out):
				out = append(out, f...)
			case len(out) == 0:
				out = f
			default:
				break filling
			}
			w.pop()
			q.relieve(c)
			if taken = c; c == bulk || len(out) > cap(buf) {
				break filling // what is urgent may come any moment: bulk goes one by one
			}
		}
	}
	if taken < 0 && q.sealed {
		out, q.bye, done = append(out, q.bye...), nil, true
		return out, false, done
	}
	q.idle = taken < 0
	return out, q.full && taken >= 0 && q.waits[live].len() == 0, false
}

// reopen lets live frames in again.
func (q *queue) reopen() (open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full = false
	q.relieve(live)
	return !q.sealed
}

// relieve wakes those who wait for space. Called with mu held.
func (q *queue) relieve(c class) {
	if q.space[c] != nil && q.roomy(c) {
		close(q.space[c])
		q.space[c] = nil
	}
}

// release wakes all who wait for space. Called with mu held.
func (q *queue) release() {
	for c := range q.space {
		if q.space[c] != nil {
			close(q.space[c])
			q.space[c] = nil
		}
	}
}

// roomy reports whether the class is at most half full. Called with mu held.
func (q *queue) roomy(c class) bool {
	w := &q.waits[c]
	return w.len() <= limits[c].frames/2 && w.bytes <= limits[c].bytes/2 && !(c == live && q.full)
}

// wait returns nil when the class is at most half full, ErrDown when nothing more is accepted, or
// the cause of ctx's end.
func (q *queue) wait(ctx context.Context, c class) error {
	for {
		q.mu.Lock()
		if q.sealed {
			q.mu.Unlock()
			return ErrDown
		}
		if q.roomy(c) {
			q.mu.Unlock()
			return nil
		}
		if q.space[c] == nil {
			q.space[c] = make(chan struct{})
		}
		space := q.space[c]
		q.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// left is how many more frames of the class fit, if they are small.
func (q *queue) left(c class) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.waits[c]
	if q.sealed || c == live && q.full || w.bytes >= limits[c].bytes {
		return 0
	}
	return limits[c].frames - w.len()
}

// fifo is frames in order.
type fifo struct {
	frames []wire.Frame // those before head are gone
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
