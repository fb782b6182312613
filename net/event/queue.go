package event

import (
	"context"
	"sync"
	"time"

	"chat.lan/p2pchat/net/fair"
)

// Limits of what may wait in a Queue before WaitSpace does. Bytes are as its callers say. A reader that pauses between
// batches takes more at once; from one that doesn't, a message comes out the sooner the less waits before it.
const (
	MaxQueued     = 4096
	maxBytes      = 128 << 10
	maxPacedBytes = 1 << 20
)

// Latest is a message of which only the newest per key matters.
type Latest interface {
	// LatestKey names what a newer message replaces.
	LatestKey() string
}

// Batch holds the messages that were posted since the batch before, in order.
type Batch []any

// Queue carries messages from any goroutine to one reader, which gets them in batches. Events travel
// in it, and so do results that the screen posts to itself. It has two classes of delivery:
//
//   - A message must arrive, unless it is a Latest. It keeps its order. Post never blocks, because it
//     is called under locks. The reader of a link calls WaitSpace first, without a lock: so a slow
//     reader of events pushes back on the network, and neither loses messages nor fills memory.
//     Links that wait are let in by turns, fair by bytes (see package fair).
//   - A Latest is worth only its newest value. One that waits under the same key is taken out, and
//     the new one stands at the end: it is never older than a message that was posted before it.
//
// Its methods may be called from any goroutine; Run from one, once.
type Queue struct {
	posted chan struct{} // capacity 1: something was posted
	closed chan struct{} // closed by Close

	mu     sync.Mutex     // guards everything below
	queue  []any          // nil where a Latest was replaced
	live   int            // messages in queue that are not nil
	latest map[string]int // LatestKey → place in queue
	done   bool

	waits   fair.Queue[chan struct{}] // callers of WaitSpace, each by what it waits for to be closed
	entered int                       // bytes of callers that were let in and have not posted all yet
	bytes   int                       // bytes in queue, of callers that have
	limit   int                       // the most that entered and bytes may be together
}

// NewQueue returns an empty queue. Messages that are posted before Run wait for it.
func NewQueue() *Queue {
	return &Queue{posted: make(chan struct{}, 1), closed: make(chan struct{}), latest: map[string]int{}, limit: maxPacedBytes}
}

// Post queues a message. It never blocks. After Close it drops the message.
func (q *Queue) Post(msg any) {
	q.mu.Lock()
	if !q.done {
		q.addLocked(msg)
	}
	q.mu.Unlock()
	select {
	case q.posted <- struct{}{}:
	default:
	}
}

func (q *Queue) addLocked(msg any) {
	if l, ok := msg.(Latest); ok {
		key := l.LatestKey()
		if i, waits := q.latest[key]; waits {
			q.queue[i] = nil
			q.live--
		}
		q.latest[key] = len(q.queue)
	}
	q.queue = append(q.queue, msg)
	if q.live++; len(q.queue) >= 2*max(q.live, MaxQueued) {
		q.compactLocked()
	}
}

// compactLocked closes the gaps that replaced messages left.
func (q *Queue) compactLocked() {
	packed := q.queue[:0]
	for _, msg := range q.queue {
		if msg == nil {
			continue
		}
		if l, ok := msg.(Latest); ok {
			q.latest[l.LatestKey()] = len(packed)
		}
		packed = append(packed, msg)
	}
	clear(q.queue[len(packed):])
	q.queue = packed
}

// WaitSpace waits until there is space for size bytes of messages. The caller then posts them, and calls Posted. Who
// waits is let in in turn, by flow: flowOf is only called then. Call it without any lock that the reader may need.
func (q *Queue) WaitSpace(size int, flowOf func() (of fair.Flow, rank int)) {
	if q.enter(size) {
		return
	}
	of, rank := flowOf()
	turn := make(chan struct{})
	q.mu.Lock()
	q.waits.Push(of, rank, size, turn)
	q.admitLocked() // all may have been taken meanwhile
	q.mu.Unlock()
	<-turn
}

// enter lets a caller of WaitSpace in at once, if there is space and no one waits.
func (q *Queue) enter(size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waits.Len() > 0 || !q.hasSpaceLocked() {
		return false
	}
	q.entered += size
	return true
}

// Posted ends what WaitSpace began: all that the caller has to post is posted.
func (q *Queue) Posted(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.entered -= size
	if q.live > 0 { // else it brought nothing, or that was taken already
		q.bytes += size
	}
	q.admitLocked()
}

// hasSpaceLocked reports whether more may be posted.
func (q *Queue) hasSpaceLocked() bool {
	return q.done || q.live <= MaxQueued && q.entered+q.bytes < q.limit
}

// admitLocked lets callers of WaitSpace in.
func (q *Queue) admitLocked() {
	for q.waits.Len() > 0 && q.hasSpaceLocked() {
		turn, size := q.waits.Pop()
		q.entered += size
		close(turn)
	}
}

// take empties the queue and returns what was in it.
func (q *Queue) take() Batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.live < len(q.queue) {
		q.compactLocked()
	}
	batch := Batch(q.queue)
	q.emptyLocked()
	return batch
}

func (q *Queue) emptyLocked() {
	q.queue, q.live, q.bytes = nil, 0, 0
	clear(q.latest)
	q.admitLocked()
}

// Run hands batches to handle, which may block: the first at once, the next when pace has passed. It ends with
// Close, or with ctx after it handed over what waits. It closes the queue when it returns.
func (q *Queue) Run(ctx context.Context, pace time.Duration, handle func(Batch)) {
	defer q.Close()
	if pace == 0 {
		q.mu.Lock()
		q.limit = maxBytes
		q.mu.Unlock()
	}
	for {
		select {
		case <-ctx.Done():
			if batch := q.take(); len(batch) > 0 {
				handle(batch)
			}
			return
		case <-q.closed:
			return
		case <-q.posted:
		}
		batch := q.take()
		if len(batch) == 0 {
			continue // it came with the batch before
		}
		handed := time.Now()
		handle(batch)
		if left := pace - time.Since(handed); left > 0 {
			select {
			case <-time.After(left):
			case <-ctx.Done():
			case <-q.closed:
			}
		}
	}
}

// Close ends Run, lets every WaitSpace return and drops what was not delivered. It may be called more than once.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.done {
		q.done = true
		q.emptyLocked()
		close(q.closed)
	}
}
