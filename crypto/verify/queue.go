package verify

import (
	"context"
	"errors"
	"time"
)

// Limits of a lane (DESIGN.md §10: the verify queue is bounded). An item that is over them by
// itself is taken when the lane is empty.
const (
	MaxQueued = 512       // claims and pass-through messages that are not delivered yet
	MaxBytes  = 512 << 10 // sum of their Job.Size
)

// A Submit this soon after one that was done inline finds its reader with more to read: the next
// frame was waiting in the socket, where Job.More doesn't see it.
const streak = 25 * time.Microsecond

// ErrClosed is returned by Submit and Drain once the lane is closed or the pool has ended.
var ErrClosed = errors.New("verify: lane is closed")

// Queue is one link's way through the pool: what is submitted comes out verified, in order. Submit is
// for one goroutine at a time, the link's reader; Close and Drain may be called from any.
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
	inTurn     bool          // the lane is in the pool's turn
	next       *Queue        // the lane after it in the turn
}

// Queue opens a lane. deliver gets the results in the order of Submit, never two at once, from the
// lane's own goroutine or from within Submit. It may block, which holds this lane only, but must
// return soon after what it waits for is ended by its owner. It may call Close, but neither Submit
// nor Drain. Who opens a lane closes it; after the pool's end it is closed from the start.
func (p *Pool) OpenQueue(deliver func(Result)) *Queue {
	l := &Queue{
		pool:    p,
		deliver: deliver,
		end:     make(chan struct{}),
		ready:   make(chan struct{}, 1),
		space:   make(chan struct{}, 1),
	}
	if !p.group.Go("verify/lane", l.run) {
		l.Close()
	}
	return l
}

// Submit takes the next item. While the lane is full it blocks. It returns the cause of ctx's end,
// or ErrClosed; the item was then not accepted. An accepted item is delivered unless the lane is
// closed before.
func (q *Queue) Submit(ctx context.Context, item Job) error {
	claims := item.claims()
	// Without claims there is nothing to share out; with several, all cores are quicker than one.
	inline := claims == 0 ||
		claims == 1 && !item.More && (q.lastInline.IsZero() || time.Since(q.lastInline) > streak)
	s := newSlot(item)
	p := q.pool
	p.mu.Lock()
	for {
		if err := q.refusal(ctx); err != nil {
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
	// queued counts what is just being delivered too, so 0 means that the lane is at rest.
	if inline && q.queued == 0 {
		q.count(s)
		p.mu.Unlock()
		return q.inline(s)
	}
	q.append(s)
	p.mu.Unlock()
	return nil
}

// inline verifies and delivers in the submitter's goroutine a slot that is the only one.
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

// finish delivers a slot, for which delivering was set, and takes it off the count.
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
	q.settle()
}

// settle tells Drain when nothing is left to wait for. Called with mu held.
func (q *Queue) settle() {
	if q.drained != nil && q.settled() {
		close(q.drained)
		q.drained = nil
	}
}

// settled reports whether nothing is being delivered and nothing will be. Called with mu held.
func (q *Queue) settled() bool { return !q.delivering && (q.closed || q.queued == 0) }

// Drain waits until all that was submitted is delivered; nothing should be submitted meanwhile. It
// returns nil, or ErrClosed once the lane is closed and the delivery that had begun is over, or the
// cause of ctx's end.
func (q *Queue) Drain(ctx context.Context) error {
	p := q.pool
	p.mu.Lock()
	if !q.settled() {
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

// Close drops what is not delivered yet: no delivery begins after it. It doesn't wait for one that
// has begun (deliver itself may call it); Drain does. Closing twice is once.
func (q *Queue) Close() {
	q.pool.mu.Lock()
	defer q.pool.mu.Unlock()
	if q.closed {
		return
	}
	q.closed = true
	q.head, q.tail, q.work = nil, nil, nil
	close(q.end)
	q.settle()
}

// refusal is why nothing is accepted any more. Called with mu held.
func (q *Queue) refusal(ctx context.Context) error {
	switch {
	case q.closed || q.pool.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// append puts a slot at the lane's end and has it verified. Called with mu held.
func (q *Queue) append(s *slot) {
	q.count(s)
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	if s.left == 0 {
		q.wakeDeliverer()
		return
	}
	if q.work == nil {
		q.work = s
	}
	q.pool.push(q)
	q.pool.call(s.left)
}

// count adds a slot to what the lane holds. Called with mu held.
func (q *Queue) count(s *slot) {
	q.queued += s.cost
	q.bytes += s.item.Size
}

// take hands out the next claim to verify. Called with mu held and work not nil.
func (q *Queue) take() (s *slot, i int) {
	s, i = q.work, q.work.taken
	s.taken++
	for q.work != nil && q.work.taken == q.work.item.claims() {
		q.work = q.work.next
	}
	return s, i
}

// wakeDeliverer calls the deliverer if it sleeps and the lane's first item is ready. Called with mu
// held.
func (q *Queue) wakeDeliverer() {
	if q.sleeping && q.head != nil && q.head.left == 0 {
		q.sleeping = false
		q.ready <- struct{}{} // taken before it sleeps again, so there is place
	}
}

// run is the lane's deliverer: the only goroutine that delivers what was queued.
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
