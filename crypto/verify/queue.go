package verify

import (
	"context"
	"errors"
	"time"
)

// Limits of a queue. An item that is over them alone is accepted when the queue is empty.
const (
	MaxQueued = 512       // claims and pass-through messages that are not delivered yet
	MaxBytes  = 512 << 10 // sum of their Job.Size
)

// streak is the time after an inline delivery within which a Submit shows that its reader has more
// to read. The next frame then waited in the socket, where Job.More doesn't see it.
const streak = 25 * time.Microsecond

// ErrClosed is returned by Submit and Drain once the queue is closed or the pool has ended.
var ErrClosed = errors.New("verify: queue is closed")

// Queue is the path of a link's messages through the pool: it delivers what is submitted, verified
// and in order. Only the link's reader may call Submit; Close and Drain may be called from any
// goroutine.
type Queue struct {
	pool    *Pool
	deliver func(Result)

	end   chan struct{} // closed by Close
	ready chan struct{} // one token: the deliverer, called while it slept, has something to do
	space chan struct{} // one token: Submit, called while it waited, may look again

	lastInline time.Time // when Submit last delivered by itself; the submitter's own

	// Guarded by the pool's mutex.
	head, tail *slot         // not delivered yet, in order
	work       *slot         // first slot with claims that no worker has taken; nil: none
	queued     int           // cost of what is not delivered yet, or is just being delivered
	bytes      int           // sum of its sizes
	delivering bool          // a deliver has begun and has not returned
	sleeping   bool          // the deliverer waits for ready
	waiting    bool          // Submit waits for space
	closed     bool          // nothing is accepted, and no delivery begins
	drained    chan struct{} // closed when nothing is left; nil: nobody waits
	inTurn     bool          // the queue is in the pool's turn
}

// OpenQueue opens a queue. deliver gets the results in the order of Submit, never two at once, from
// the queue's own goroutine or from within Submit.
//
// deliver may block, which holds up this queue only, but must return soon after its owner ends what
// it waits for. It may call Close, but neither Submit nor Drain. The caller closes the queue. After
// the pool's end a queue is closed from the start.
func (p *Pool) OpenQueue(deliver func(Result)) *Queue {
	q := &Queue{
		pool:    p,
		deliver: deliver,
		end:     make(chan struct{}),
		ready:   make(chan struct{}, 1),
		space:   make(chan struct{}, 1),
	}
	if !p.group.Go("verify/queue", q.run) {
		q.Close()
	}
	return q
}

// Submit adds the next job. It blocks while the queue is full. If it returns an error, the cause of
// ctx's end or ErrClosed, the job was not accepted. An accepted job is delivered unless the queue
// is closed before.
func (q *Queue) Submit(ctx context.Context, item Job) error {
	claims := item.claims()
	// Without claims there is nothing to share out; with several, all cores are quicker than one.
	inline := claims == 0 ||
		claims == 1 && !item.More && (q.lastInline.IsZero() || time.Since(q.lastInline) > streak)
	s := newSlot(item)
	p := q.pool
	p.mu.Lock()
	for {
		if err := q.refusalLocked(ctx); err != nil {
			p.mu.Unlock()
			return err
		}
		if q.queued == 0 || q.queued+s.cost <= MaxQueued && q.bytes+item.Size <= MaxBytes {
			break
		}
		q.waiting = true
		p.mu.Unlock()
		select {
		case <-q.space:
		case <-q.end:
		case <-p.ctx.Done():
		case <-ctx.Done():
		}
		p.mu.Lock()
	}
	// queued counts what is just being delivered too, so 0 means that the queue is at rest.
	if inline && q.queued == 0 {
		q.countLocked(s)
		p.mu.Unlock()
		return q.inline(s)
	}
	q.appendLocked(s)
	p.mu.Unlock()
	return nil
}

// inline verifies and delivers the only slot of the queue, in the submitter's goroutine.
func (q *Queue) inline(s *slot) error {
	for i := range s.left {
		verified, err := q.pool.verify(s.claim(i))
		s.done(i, verified, err) // not in the list: nobody else sees it
	}
	q.pool.mu.Lock()
	if q.closed {
		q.pool.mu.Unlock()
		return ErrClosed
	}
	q.delivering = true
	q.pool.mu.Unlock()
	q.finish(s)
	if s.item.claims() > 0 {
		q.lastInline = time.Now()
	}
	return nil
}

// finish delivers a slot, for which delivering was set, and subtracts it from the count.
func (q *Queue) finish(s *slot) {
	q.deliver(s.result)
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	q.delivering = false
	q.queued -= s.cost
	q.bytes -= s.item.Size
	// Submit is called when there is place for many, not for each: a change of goroutine less.
	if q.waiting && q.queued <= MaxQueued/2 && q.bytes <= MaxBytes/2 {
		q.waiting = false
		select {
		case q.space <- struct{}{}:
		default: // left there by a Submit whose context ended
		}
	}
	q.notifyDrainedLocked()
}

// notifyDrainedLocked wakes Drain when nothing is left to wait for.
func (q *Queue) notifyDrainedLocked() {
	if q.drained != nil && q.settledLocked() {
		close(q.drained)
		q.drained = nil
	}
}

// settledLocked reports whether no delivery runs and none will.
func (q *Queue) settledLocked() bool { return !q.delivering && (q.closed || q.queued == 0) }

// Drain waits until all submitted jobs are delivered; the caller submits none meanwhile. It returns
// nil, or ErrClosed once the queue is closed and the running delivery is over, or the cause of
// ctx's end.
func (q *Queue) Drain(ctx context.Context) error {
	p := q.pool
	p.mu.Lock()
	if !q.settledLocked() {
		if q.drained == nil {
			q.drained = make(chan struct{})
		}
		drained := q.drained
		p.mu.Unlock()
		select {
		case <-drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	return nil
}

// Close drops all that is not delivered: no delivery begins after it. It doesn't wait for a running
// delivery, since deliver itself may call it; Drain does. A second Close does nothing.
func (q *Queue) Close() {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.head, q.tail, q.work = nil, nil, nil
	close(q.end)
	q.notifyDrainedLocked()
}

// refusalLocked returns why the queue accepts no jobs, or nil.
func (q *Queue) refusalLocked(ctx context.Context) error {
	switch {
	case q.closed || q.pool.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// appendLocked puts a slot at the queue's end and has it verified.
func (q *Queue) appendLocked(s *slot) {
	q.countLocked(s)
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	if s.left == 0 {
		q.wakeDelivererLocked()
		return
	}
	if q.work == nil {
		q.work = s
	}
	q.pool.pushLocked(q)
	q.pool.wakeWorkersLocked(s.left)
}

// countLocked adds a slot to the bounded sums of the queue.
func (q *Queue) countLocked(s *slot) {
	q.queued += s.cost
	q.bytes += s.item.Size
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

// wakeDelivererLocked wakes the deliverer if it sleeps and the queue's first slot is ready.
func (q *Queue) wakeDelivererLocked() {
	if q.sleeping && q.head != nil && q.head.left == 0 {
		q.sleeping = false
		q.ready <- struct{}{} // taken before it sleeps again, so there is place
	}
}

// run delivers all that was queued; no other goroutine does.
func (q *Queue) run(ctx context.Context) {
	defer q.Close() // when the pool ends
	p := q.pool
	for {
		p.mu.Lock()
		switch s := q.head; {
		case q.closed || ctx.Err() != nil:
			p.mu.Unlock()
			return
		case s != nil && s.left == 0:
			if q.head = s.next; q.head == nil {
				q.tail = nil
			}
			q.delivering = true
			p.mu.Unlock()
			q.finish(s)
		default:
			q.sleeping = true
			p.mu.Unlock()
			select {
			case <-q.ready:
			case <-q.end:
			case <-ctx.Done():
				return
			}
		}
	}
}
