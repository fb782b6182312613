package event

import (
	"context"
	"sync"
	"time"
)

// MaxQueued is how many messages may wait in a Queue before WaitSpace does.
const MaxQueued = 4096

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
//   - A Latest is worth only its newest value. One that waits under the same key is taken out, and
//     the new one stands at the end: it is never older than a message that was posted before it.
//
// Its methods may be called from any goroutine; Run from one, once.
type Queue struct {
	posted chan struct{} // capacity 1: something was posted
	closed chan struct{} // closed by Close

	mu     sync.Mutex     // guards everything below
	space  sync.Cond      // the queue was taken, or closed
	queue  []any          // nil where a Latest was replaced
	live   int            // messages in queue that are not nil
	latest map[string]int // LatestKey → place in queue
	done   bool
}

// NewQueue returns an empty queue. Messages that are posted before Run wait for it.
func NewQueue() *Queue {
	q := &Queue{posted: make(chan struct{}, 1), closed: make(chan struct{}), latest: map[string]int{}}
	q.space.L = &q.mu
	return q
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

// WaitSpace waits until at most MaxQueued messages wait. Call it without any lock that the reader may need.
func (q *Queue) WaitSpace() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.live > MaxQueued && !q.done {
		q.space.Wait()
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
	q.queue, q.live = nil, 0
	clear(q.latest)
	q.space.Broadcast()
}

// Run hands batches to handle, which may block: the first at once, the next when pace has passed. It ends with
// Close, or with ctx after it handed over what waits. It closes the queue when it returns.
func (q *Queue) Run(ctx context.Context, pace time.Duration, handle func(Batch)) {
	defer q.Close()
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
