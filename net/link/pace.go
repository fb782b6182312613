package link

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
)

// How a Pacer counts. Each record counts recordWork more than its bytes, since a short one costs more for each byte. The
// last page of a frontier counts compareWork more, since all that the peer claims is compared then.
const (
	recordWork  = 2 << 10               // bytes
	compareWork = 32 << 10              // bytes
	mostWork    = 16 << 20              // bytes a second, of all peers together
	freeWork    = 2 << 20               // bytes that may come at once beyond that, of all peers together
	freeRefill  = 64 << 10              // bytes a second by which that grows again
	ownWork     = 64 << 10              // bytes that may come at once over each link beyond that
	ownRefill   = 16 << 10              // bytes a second by which that grows again
	askedWork   = 256 << 20             // bytes of answers at once, of all peers together: 100,000 lines
	askedRefill = 4 << 20               // bytes a second by which that grows again
	longestRest = 20 * time.Millisecond // a longer rest is taken in parts …
	sharedRest  = time.Millisecond      // … and in shorter ones while others wait for their turn
)

// Pacer has the readers of links rest while their peers flood. A program that works without a pause is late for all:
// it notices what other peers sent only when some work ends. The machine's other programs wait as well.
//
// A reader rests after each piece for as long as the piece took, at most longestRest, or as mostWork says if that is
// longer. Readers rest one after the other, in the order in which they come, while the one that has rested works. So many
// floods together leave as much time as one does. A reader that has to rest long does so in parts.
//
// A burst of 800 lines is free, and so is what a person types. Any goroutine may use a Pacer. The links of a program
// share one.
type Pacer struct {
	turn  chan struct{} // holds a value while a reader rests
	waits atomic.Int32  // readers that wait for their turn
	free  *rate.Limiter
	asked *rate.Limiter                // for answers
	paced func(peer identity.Key) bool // reports whether to pace a peer; must not block
}

// NewPacer returns a Pacer for those peers of which paced reports true. Readers call that, and it must not block.
func NewPacer(paced func(peer identity.Key) bool) *Pacer {
	return &Pacer{
		turn: make(chan struct{}, 1), paced: paced,
		free: rate.NewLimiter(freeRefill, freeWork), asked: rate.NewLimiter(askedRefill, askedWork),
	}
}

// rest rests for d or a part of it, once it is this reader's turn. It returns how long that was, or false when ctx or the
// link has ended.
func (p *Pacer) rest(ctx context.Context, link <-chan struct{}, d time.Duration) (rested time.Duration, ok bool) {
	p.waits.Add(1)
	select {
	case p.turn <- struct{}{}:
		p.waits.Add(-1)
	case <-link:
		p.waits.Add(-1)
		return 0, false
	case <-ctx.Done():
		p.waits.Add(-1)
		return 0, false
	}
	defer func() { <-p.turn }()
	rested = min(d, longestRest)
	if p.waits.Load() > 0 {
		rested = min(d, sharedRest)
	}
	group.Sleep(ctx, rested, link)
	select {
	case <-link:
		return rested, false
	default:
		return rested, ctx.Err() == nil
	}
}

// pace measures a reader's pieces. Only the reader uses it.
type pace struct {
	pacer  *Pacer // nil: it never rests
	peer   identity.Key
	own    *rate.Limiter // what the peer may send without a rest
	since  time.Time     // when the piece began
	waited time.Duration // how long the reader had waited for the peer by then
	work   int           // bytes that the piece counts
}

func newPace(p *Pacer, peer identity.Key, waited time.Duration) pace {
	return pace{pacer: p, peer: peer, since: time.Now(), waited: waited, own: rate.NewLimiter(ownRefill, ownWork)}
}

// add counts work of so many bytes. expected says that the peer was asked for it.
func (p *pace) add(work int, expected bool) {
	if expected && p.pacer != nil && (!p.pacer.paced(p.peer) || p.pacer.asked.AllowN(time.Now(), work)) {
		return
	}
	p.work += work
}

// end ends a piece, and rests after it if the peer floods. waited is how long the reader has waited for the peer in all.
func (p *pace) end(ctx context.Context, link <-chan struct{}, waited time.Duration) {
	if p.pacer == nil {
		return
	}
	now := time.Now()
	if !p.own.AllowN(now, p.work) && p.pacer.paced(p.peer) && !p.pacer.free.AllowN(now, p.work) {
		took := now.Sub(p.since) - (waited - p.waited)
		least := time.Duration(p.work) * time.Second / mostWork
		for d, ok := max(min(took, longestRest), least), true; d > 0 && ok; {
			var rested time.Duration
			rested, ok = p.pacer.rest(ctx, link, d)
			d -= rested
		}
		now = time.Now()
	}
	p.since, p.waited, p.work = now, waited, 0
}

// maxExpected is how many frames a reader expects at most. A peer may have left questions without an answer.
const maxExpected = 64

// expectation counts the frames of records that were asked for and haven't come yet.
type expectation struct{ frames atomic.Int64 }

func (e *expectation) add(frames int) {
	if e.frames.Add(int64(frames)) > maxExpected {
		e.frames.Store(maxExpected)
	}
}

// take reports whether a frame was expected. The reader alone calls it.
func (e *expectation) take() bool { return e.frames.Load() > 0 && e.frames.Add(-1) >= 0 }
