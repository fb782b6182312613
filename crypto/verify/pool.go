// Package verify checks the signatures of records on all cores and keeps the order of each link.
//
// A signature costs some 50 µs, most of what a message costs. So a Pool of workers shares the work of
// many messages. A lone message is verified where it was read, without a change of goroutine: Submit
// returns its result. Every link has a Queue:
//
//	reader ── Submit ──▶ Queue (bounded, in order) ── Next ──▶ the link's second goroutine
//	                      │ claims        ▲ results
//	                      ▼               │
//	                     Pool: workers, which serve the queues in turn, one claim each
//
// It guarantees:
//
//   - Order. Results come out one at a time, and those of a flow in the order of Submit. Messages without a
//     signature pass through the queue too, so that none overtakes the records before it.
//   - Push-back. A full queue blocks Submit: its link is not read further and TCP holds the sender
//     back. Nothing is dropped. A link that is slow to handle its results holds up its own queue only.
//   - Fairness. Flows of a queue share it by bytes: a flow that sends little overtakes a flood.
//   - Turns. A worker takes one claim from a queue, then goes on to the next queue that has any. A
//     flooding peer delays other peers' messages by a claim per worker, however much it submits.
//
// Lock order: there is one lock, Pool.mu; it is never held while a claim is verified.
package verify

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// Pool holds the workers that all queues share. Its methods may be called from any goroutine.
type Pool struct {
	ctx    context.Context // the group's: the pool ends with it
	verify func(*record.Claim) (*record.Record, error)

	// wake carries one token for each idle worker that was called; it holds as many as there are
	// workers, so sending under mu never blocks. It is never closed.
	wake chan struct{}

	mu   sync.Mutex
	idle int      // workers that wait and have not been woken; guarded by mu
	turn []*Queue // queues with claims that no worker has taken, each once; guarded by mu
}

// Start starts a pool of that many workers in g; 0 stands for one per processor that Go may use.
// The pool ends with g, and so do all its queues.
func Start(g *group.Group, workers int) *Pool {
	return start(g, workers, (*record.Claim).Verify)
}

func start(g *group.Group, workers int, verify func(*record.Claim) (*record.Record, error)) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{ctx: g.Context(), verify: verify, wake: make(chan struct{}, workers)}
	for range workers {
		g.Go("verify/worker", p.work)
	}
	return p
}

// work verifies claims until the pool ends.
func (p *Pool) work(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		q := p.popLocked()
		if q == nil {
			p.idle++
			p.mu.Unlock()
			select {
			case <-p.wake: // the sender has decremented idle
			case <-ctx.Done():
			}
			continue
		}
		s, i := q.takeLocked()
		if q.hasWorkLocked() {
			p.pushLocked(q)
		}
		p.mu.Unlock()

		verified, err := p.verify(s.claim(i))

		p.mu.Lock()
		s.done(i, verified, err)
		q.wakeNextLocked()
		p.mu.Unlock()
		// A worker that never pauses would keep its processor for 10 ms at a time. Links' goroutines
		// have little to do, but would wait behind it.
		runtime.Gosched()
	}
}

// wakeWorkersLocked wakes up to n idle workers.
func (p *Pool) wakeWorkersLocked(n int) {
	for ; n > 0 && p.idle > 0; n-- {
		p.idle--
		p.wake <- struct{}{}
	}
}

// pushLocked puts a queue at the end of the turn, if it is not in it already.
func (p *Pool) pushLocked(q *Queue) {
	if !q.inTurn {
		q.inTurn = true
		p.turn = append(p.turn, q)
	}
}

// popLocked takes the first queue of the turn that still has claims to verify; nil when there is
// none.
func (p *Pool) popLocked() *Queue {
	for len(p.turn) > 0 {
		q := p.turn[0]
		p.turn = slices.Delete(p.turn, 0, 1) // keeps the capacity
		q.inTurn = false
		if q.hasWorkLocked() { // else it was closed while it waited for its turn, or others took its work
			return q
		}
	}
	return nil
}
