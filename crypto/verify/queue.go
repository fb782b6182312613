package verify

import (
	"context"
	"errors"

	"chat.lan/p2pchat/net/fair"
)

// Limits of a queue. An item that is over them alone is accepted when the queue is empty.
const (
	MaxQueued = 512       // claims and pass-through messages that are not handled yet
	MaxBytes  = 512 << 10 // sum of their Job.Size
)

// How much of a queue is verified ahead of Next: up to so many jobs, and more while they are small. Among these none
// overtakes another any more.
const (
	aheadJobs  = 4
	aheadBytes = 32 << 10
)

// ErrClosed is returned by Submit once the queue is closed or the pool has ended.
var ErrClosed = errors.New("verify: queue is closed")

// Queue is the path of a link's messages through the pool: jobs come out verified and in order. Only the
// link's reader may call Submit and End, and only one other goroutine Next. Any goroutine may call Close.
//
// The order is that of Submit within each flow. Between flows a queue is fair by bytes (see package fair). So a
// link's own messages don't wait behind a flood that it hands on. A job without claims comes out when all before it
// have, but jobs of other flows behind it may come out earlier.
type Queue struct {
	pool *Pool

	closed chan struct{} // closed by Close
	ready  chan struct{} // one token: Next, woken while it waited, has something to return
	space  chan struct{} // one token: Submit, woken while it waited, may look again

	// Guarded by the pool's mutex.
	waiting  fair.Queue[*slot] // with claims of which no worker has taken any
	arrived  arrivals          // the slots of waiting, and some before them that are out
	passing  list              // without claims, which wait for what arrived before them
	numbered int               // counts slots so far
	work     *slot             // its other claims wait to be taken; nil: none
	ahead    list              // taken from waiting and passing, not by Next yet, in order
	current  *slot             // what Next returned last, until it is called again

	aheadJobs, aheadBytes int  // the jobs in ahead, and their bytes
	queued                int  // cost of all these
	bytes                 int  // sum of their sizes
	nextWaits             bool // Next waits for ready
	submitting            bool // Submit waits for space
	ended                 bool // by End
	inTurn                bool // the queue is in the pool's turn
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
		q.submitting = true
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
	q.appendLocked(s, item.Flow, item.Rank)
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
		if s := q.ahead.first; s != nil && s.left == 0 {
			q.ahead.pop()
			q.aheadJobs--
			q.aheadBytes -= s.size
			q.current = s
			q.refillLocked()
			return &s.result
		}
		if q.isEmptyLocked() && q.ended {
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
	q.bytes -= s.size
	// Submit is woken when there is place for many, not for each: a change of goroutine less.
	if q.submitting && q.queued <= MaxQueued/2 && q.bytes <= MaxBytes/2 {
		q.submitting = false
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
	q.waiting, q.arrived, q.passing, q.ahead, q.work = fair.Queue[*slot]{}, arrivals{}, list{}, list{}, nil
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
