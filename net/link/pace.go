package link

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
)

// How a Pacer counts. A record of 8 KB takes five times as long as one of 100 bytes: it counts recordWork more than it has.
const (
	recordWork  = 2 << 10                // bytes
	freeWork    = 2 << 20                // bytes that may come at once, of all peers together
	freeRefill  = 64 << 10               // bytes a second by which that grows again
	mostWork    = 16 << 20               // bytes a second after that
	longestRest = 10 * time.Millisecond  // after a piece
	slowPiece   = 100 * time.Millisecond // a reader that takes longer for a piece waits for the peer: it isn't flooded
)

// Pacer has the readers of links rest while their peers flood. A program that works without a pause is late for all:
// it notices what other peers sent only when some work ends, and the machine's other programs wait as well.
//
// A reader rests after each piece for as long as the piece took, or as mostWork says if that is longer. Readers rest one
// after the other, in the order in which they come, while the one that has rested works. So many floods together leave as
// much time as one does. A burst of a thousand lines is free. Any goroutine may use a Pacer. The links of a program share
// one.
type Pacer struct {
	turn  chan struct{} // holds a value while a reader rests
	free  *rate.Limiter
	paced func(peer identity.Key) bool
}

// NewPacer returns a Pacer for those peers of which paced reports true. Readers call that, and it must not block.
func NewPacer(paced func(peer identity.Key) bool) *Pacer {
	return &Pacer{turn: make(chan struct{}, 1), free: rate.NewLimiter(freeRefill, freeWork), paced: paced}
}

// rest rests for d, once it is this reader's turn, or until ctx ends.
func (p *Pacer) rest(ctx context.Context, d time.Duration) {
	select {
	case p.turn <- struct{}{}:
		group.Sleep(ctx, d, nil)
		<-p.turn
	case <-ctx.Done():
	}
}

// pace is what a reader has of its Pacer.
type pace struct {
	pacer *Pacer // nil: it never rests
	peer  identity.Key
	since time.Time // when the piece began
	work  int       // bytes that the piece counts
}

func newPace(p *Pacer, peer identity.Key) pace { return pace{pacer: p, peer: peer, since: time.Now()} }

// end ends a piece, and rests after it if the peer floods.
func (p *pace) end(ctx context.Context) {
	if p.pacer == nil {
		return
	}
	now := time.Now()
	took, work := now.Sub(p.since), p.work
	if took < slowPiece && p.pacer.paced(p.peer) && !p.pacer.free.AllowN(now, work) {
		least := time.Duration(work) * time.Second / mostWork
		p.pacer.rest(ctx, min(max(took, least), longestRest))
		now = time.Now()
	}
	p.since, p.work = now, 0
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
