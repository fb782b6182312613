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
	MaxBytes  = 512 << 10 // sum of their Item.Size
)

// A Submit this soon after one that was done inline finds its reader with more to read: the next
// frame was waiting in the socket, where Item.More doesn't see it.
const streak = 25 * time.Microsecond

// ErrClosed is returned by Submit and Drain once the lane is closed or the pool has ended.
var ErrClosed = errors.New("verify: lane is closed")

// Lane is one link's way through the pool: what is submitted comes out verified, in order. Submit is
// for one goroutine at a time, the link's reader; Close and Drain may be called from any.
type Lane struct {
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
	next       *Lane         // the lane after it in the turn
}

// Lane opens a lane. deliver gets the results in the order of Submit, never two at once, from the
// lane's own goroutine or from within Submit. It may block, which holds this lane only, but must
// return soon after what it waits for is ended by its owner. It may call Close, but neither Submit
// nor Drain. Who opens a lane closes it; after the pool's end it is closed from the start.
func (p *Pool) Lane(deliver func(Result)) *Lane {
	l := &Lane{
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
func (l *Lane) Submit(ctx context.Context, item Item) error {
	claims := item.claims()
	// Without claims there is nothing to share out; with several, all cores are quicker than one.
	inline := claims == 0 ||
		claims == 1 && !item.More && (l.lastInline.IsZero() || time.Since(l.lastInline) > streak)
	s := newSlot(item)
	p := l.pool
	p.mu.Lock()
	for {
		if err := l.refusal(ctx); err != nil {
			p.mu.Unlock()
			return err
		}
		if l.queued == 0 || l.queued+s.cost <= MaxQueued && l.bytes+item.Size <= MaxBytes {
			break
		}
		l.waiting = true
		p.mu.Unlock()
		select {
		case <-l.space:
		case <-l.end:
		case <-p.ctx.Done():
		case <-ctx.Done():
		}
		p.mu.Lock()
	}
	// queued counts what is just being delivered too, so 0 means that the lane is at rest.
	if inline && l.queued == 0 {
		l.count(s)
		p.mu.Unlock()
		return l.inline(s)
	}
	l.append(s)
	p.mu.Unlock()
	return nil
}

// inline verifies and delivers in the submitter's goroutine a slot that is the only one.
func (l *Lane) inline(s *slot) error {
	for i := range s.left {
		verified, err := l.pool.verify(s.claim(i))
		s.done(i, verified, err) // not in the list: nobody else sees it
	}
	l.pool.mu.Lock()
	if l.closed {
		l.pool.mu.Unlock()
		return ErrClosed
	}
	l.delivering = true
	l.pool.mu.Unlock()
	l.finish(s)
	if s.item.claims() > 0 {
		l.lastInline = time.Now()
	}
	return nil
}

// finish delivers a slot, for which delivering was set, and takes it off the count.
func (l *Lane) finish(s *slot) {
	l.deliver(s.result)
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	l.delivering = false
	l.queued -= s.cost
	l.bytes -= s.item.Size
	// Submit is called when there is place for many, not for each: a change of goroutine less.
	if l.waiting && l.queued <= MaxQueued/2 && l.bytes <= MaxBytes/2 {
		l.waiting = false
		select {
		case l.space <- struct{}{}:
		default: // left there by a Submit whose context ended
		}
	}
	l.settle()
}

// settle tells Drain when nothing is left to wait for. Called with mu held.
func (l *Lane) settle() {
	if l.drained != nil && l.settled() {
		close(l.drained)
		l.drained = nil
	}
}

// settled reports whether nothing is being delivered and nothing will be. Called with mu held.
func (l *Lane) settled() bool { return !l.delivering && (l.closed || l.queued == 0) }

// Drain waits until all that was submitted is delivered; nothing should be submitted meanwhile. It
// returns nil, or ErrClosed once the lane is closed and the delivery that had begun is over, or the
// cause of ctx's end.
func (l *Lane) Drain(ctx context.Context) error {
	p := l.pool
	p.mu.Lock()
	if !l.settled() {
		if l.drained == nil {
			l.drained = make(chan struct{})
		}
		drained := l.drained
		p.mu.Unlock()
		select {
		case <-drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		p.mu.Lock()
	}
	defer p.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	return nil
}

// Close drops what is not delivered yet: no delivery begins after it. It doesn't wait for one that
// has begun (deliver itself may call it); Drain does. Closing twice is once.
func (l *Lane) Close() {
	l.pool.mu.Lock()
	defer l.pool.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	l.head, l.tail, l.work = nil, nil, nil
	close(l.end)
	l.settle()
}

// refusal is why nothing is accepted any more. Called with mu held.
func (l *Lane) refusal(ctx context.Context) error {
	switch {
	case l.closed || l.pool.ctx.Err() != nil:
		return ErrClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return nil
}

// append puts a slot at the lane's end and has it verified. Called with mu held.
func (l *Lane) append(s *slot) {
	l.count(s)
	if l.tail == nil {
		l.head = s
	} else {
		l.tail.next = s
	}
	l.tail = s
	if s.left == 0 {
		l.wakeDeliverer()
		return
	}
	if l.work == nil {
		l.work = s
	}
	l.pool.push(l)
	l.pool.call(s.left)
}

// count adds a slot to what the lane holds. Called with mu held.
func (l *Lane) count(s *slot) {
	l.queued += s.cost
	l.bytes += s.item.Size
}

// take hands out the next claim to verify. Called with mu held and work not nil.
func (l *Lane) take() (s *slot, i int) {
	s, i = l.work, l.work.taken
	s.taken++
	for l.work != nil && l.work.taken == l.work.item.claims() {
		l.work = l.work.next
	}
	return s, i
}

// wakeDeliverer calls the deliverer if it sleeps and the lane's first item is ready. Called with mu
// held.
func (l *Lane) wakeDeliverer() {
	if l.sleeping && l.head != nil && l.head.left == 0 {
		l.sleeping = false
		l.ready <- struct{}{} // taken before it sleeps again, so there is place
	}
}

// run is the lane's deliverer: the only goroutine that delivers what was queued.
func (l *Lane) run(ctx context.Context) {
	defer l.Close() // when the pool ends
	p := l.pool
	for {
		p.mu.Lock()
		switch s := l.head; {
		case l.closed || ctx.Err() != nil:
			p.mu.Unlock()
			return
		case s != nil && s.left == 0:
			if l.head = s.next; l.head == nil {
				l.tail = nil
			}
			l.delivering = true
			p.mu.Unlock()
			l.finish(s)
		default:
			l.sleeping = true
			p.mu.Unlock()
			select {
			case <-l.ready:
			case <-l.end:
			case <-ctx.Done():
				return
			}
		}
	}
}
