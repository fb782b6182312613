package verify

import (
	"context"
	"errors"
)

// Limits of a queue. An item that is over them alone is accepted when the queue is empty.
const (
	MaxQueued = 512       // claims and pass-through messages that are not handled yet
	MaxBytes  = 512 << 10 // sum of their Job.Size
)

// ErrClosed is returned by Submit once the queue is closed or the pool has ended.
var ErrClosed = errors.New("verify: queue is closed")

// Queue is the path of a link's messages through the pool: jobs come out verified and in order. Only the
// link's reader may call Submit and End, and only one other goroutine Next. Any goroutine may call Close.
type Queue struct {
	pool *Pool

	closed chan struct{} // closed by Close
	ready  chan struct{} // one token: Next, woken while it waited, has something to return
	space  chan struct{} // one token: Submit, woken while it waited, may look again

	// Guarded by the pool's mutex.
	head, tail *slot // not taken by Next yet, in order
	work       *slot // first slot with claims that no worker has taken; nil: none
	current    *slot // what Next returned last, until it is called again
	queued     int   // cost of all these
	bytes      int   // sum of their sizes
	nextWaits  bool  // Next waits for ready
	waiting    bool  // Submit waits for space
	ended      bool  // by End
	inTurn     bool  // the queue is in the pool's turn
}

// OpenQueue opens a queue. The caller closes it. After the pool's end a queue is closed from the start.
func (p *Pool) OpenQueue() *Queue {
	return &Queue{
		pool:   p,
		closed: make(chan struct{}),
		ready:  make(chan struct{}, 1),
		space:  make(chan struct{}, 1),
	}
}

// Submit adds the next job. It blocks while the queue is full. If it returns an error, the cause of
// ctx's end or ErrClosed, the job was not accepted.
//
// If the queue is at rest, Submit returns the result of a job without claims, or with a single claim that
// it verified itself. The reader handles that result before it calls Submit again. Next returns the
// results of all other jobs, unless the queue is closed before.
func (q *Queue) Submit(ctx context.Context, item Job) (*Result, error) {
	claims := item.claims()
	// Without claims there is nothing to share out; with several, all cores are quicker than one.
	inline := claims == 0 || claims == 1 && !item.More
	s := newSlot(item)
	p := q.pool
	p.mu.Lock()
	for {
		if err := q.refusal(ctx); err != nil {
			p.mu.Unlock()
			return nil, err
		}
		if q.queued == 0 || q.queued+s.cost <= MaxQueued && q.bytes+item.Size <= MaxBytes {
			break
		}
		q.waiting = true
		p.mu.Unlock()
		select {
		case <-q.space:
		case <-q.closed:
		case <-p.ctx.Done():
		case <-ctx.Done():
		}
		p.mu.Lock()
	}
	// queued counts what Next returned last too, so 0 means that the queue is at rest.
	if inline && q.queued == 0 {
		p.mu.Unlock()
		return q.verifyInline(s)
	}
	q.appendLocked(s)
	p.mu.Unlock()
	return nil, nil
}

// verifyInline verifies a slot in the submitter's goroutine. The slot is not in the list, so no other
// goroutine sees it.
func (q *Queue) verifyInline(s *slot) (*Result, error) {
	for i := range s.left {
		verified, err := q.pool.verify(s.claim(i))
		s.done(i, verified, err)
	}
	if q.isClosed() {
		return nil, ErrClosed
	}
	return &s.result, nil
}

// Next returns the next result, and takes the one before as handled. It blocks until there is one, and
// returns nil once the queue is closed, or ended and empty, or the pool has ended.
func (q *Queue) Next() *Result {
	p := q.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	q.finishLocked()
	for {
		if q.refusal(p.ctx) != nil {
			return nil
		}
		if s := q.head; s != nil && s.left == 0 {
			if q.head = s.next; q.head == nil {
				q.tail = nil
			}
			q.current = s
			return &s.result
		}
		if q.ended && q.head == nil {
			return nil
		}
		q.nextWaits = true
		p.mu.Unlock()
		select {
		case <-q.ready:
		case <-q.closed:
		case <-p.ctx.Done():
		}
		p.mu.Lock()
	}
}

// finishLocked subtracts from the count what Next returned last.
func (q *Queue) finishLocked() {
	s := q.current
	if s == nil {
		return
	}
	q.current = nil
	q.queued -= s.cost
	q.bytes -= s.item.Size
	// Submit is woken when there is place for many, not for each: a change of goroutine less.
	if q.waiting && q.queued <= MaxQueued/2 && q.bytes <= MaxBytes/2 {
		q.waiting = false
		select {
		case q.space <- struct{}{}:
		default: // left there by a Submit whose context ended
		}
	}
}

// End reports that no more jobs come: Next returns nil after the last result.
func (q *Queue) End() {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	q.ended = true
	q.wakeNextLocked()
}

// Close drops all that is waiting: from now on Next returns nil. It doesn't wait for what Next returned
// last to be handled. A second Close does nothing.
func (q *Queue) Close() {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	if q.isClosed() {
		return
	}
	q.head, q.tail, q.work = nil, nil, nil
	close(q.closed)
}

func (q *Queue) isClosed() bool {
	select {
	case <-q.closed:
		return true
	default:
		return false
	}
}

// refusal returns why the queue accepts no jobs, or nil.
func (q *Queue) refusal(ctx context.Context) error {
	switch {
	case q.isClosed() || q.pool.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// appendLocked puts a slot at the queue's end and has it verified.
func (q *Queue) appendLocked(s *slot) {
	q.queued += s.cost
	q.bytes += s.item.Size
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	if s.left == 0 {
		return // a job before it is not ready yet, or is being handled: Next comes by itself
	}
	if q.work == nil {
		q.work = s
	}
	q.pool.pushLocked(q)
	q.pool.wakeWorkersLocked(s.left)
}

// takeLocked hands out the next claim to verify. The queue must have work.
func (q *Queue) takeLocked() (s *slot, i int) {
	s, i = q.work, q.work.taken
	s.taken++
	for q.work != nil && q.work.taken == q.work.item.claims() {
		q.work = q.work.next
	}
	return s, i
}

// wakeNextLocked wakes Next if it waits and has something to return.
func (q *Queue) wakeNextLocked() {
	if q.nextWaits && (q.head != nil && q.head.left == 0 || q.head == nil && q.ended) {
		q.nextWaits = false
		q.ready <- struct{}{} // taken before Next waits again, so there is place
	}
}
