// Package verify checks the signatures of records on all cores and keeps each link's order
// (DESIGN.md §1, §10, §11).
//
// A signature costs some 50 µs, most of what a line costs, so what many lines bring is shared out
// to a Pool of workers, while a lone line is verified where it was read, without a change of
// goroutine. Every link has a Queue:
//
//	reader ── Submit ──▶ Queue (bounded, in order) ── deliver ──▶ room
//	                      │ claims        ▲ results
//	                      ▼               │
//	                     Pool: workers, which serve the lanes in turn, one claim each
//
// What holds:
//
//   - Order. A lane delivers in the order of Submit, one result at a time. Messages without a
//     signature pass through the lane too and keep their place, so that a Bye can't overtake the
//     records before it.
//   - Push-back. A full lane blocks Submit: its link is not read further and TCP holds the sender
//     back. Nothing is dropped. A deliver that blocks holds its own lane only.
//   - Turns. A worker takes one claim from a lane, then goes on to the next lane that has any. A
//     flooding peer delays another's line by one claim per worker, whatever it has queued.
//
// Lock order: there is one lock, Pool.mu; it is never held while a claim is verified or delivered.
package verify

import (
	"context"
	"runtime"
	"sync"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// Pool is the workers that all lanes share. Its methods may be called from any goroutine.
type Pool struct {
	group  *group.Group
	ctx    context.Context // the group's: the pool ends with it
	verify func(*record.Claim) (*record.Record, error)

	// wake carries one token for each idle worker that was called; it holds as many as there are
	// workers, so sending under mu never blocks. It is never closed.
	wake chan struct{}

	mu          sync.Mutex
	idle        int    // workers that wait and have not been called; guarded by mu
	first, last *Queue // lanes with claims that no worker has taken, in turn; guarded by mu
}

// Start starts a pool of that many workers, 0 for one per processor that Go may use, in g. It ends,
// and with it all its lanes, when g is stopped.
func Start(g *group.Group, workers int) *Pool {
	return start(g, workers, (*record.Claim).Verify)
}

func start(g *group.Group, workers int, verify func(*record.Claim) (*record.Record, error)) *Pool {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	p := &Pool{group: g, ctx: g.Context(), verify: verify, wake: make(chan struct{}, workers)}
	for range workers {
		g.Go("verify/worker", p.work)
	}
	return p
}

// work takes claims until the pool ends.
func (p *Pool) work(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		l := p.pop()
		if l == nil {
			p.idle++
			p.mu.Unlock()
			select {
			case <-p.wake: // who sent it has taken us off idle
			case <-ctx.Done():
			}
			continue
		}
		s, i := l.take()
		if l.work != nil {
			p.push(l)
		}
		p.mu.Unlock()

		verified, err := p.verify(s.claim(i))

		p.mu.Lock()
		s.done(i, verified, err)
		l.wakeDeliverer()
		p.mu.Unlock()
		// Workers that never pause would keep their processors for 10 ms at a time, and readers and
		// deliverers, who have little to do but should do it soon, would stand behind them.
		runtime.Gosched()
	}
}

// call wakes up to n idle workers. Called with mu held.
func (p *Pool) call(n int) {
	for ; n > 0 && p.idle > 0; n-- {
		p.idle--
		p.wake <- struct{}{}
	}
}

// push puts a lane at the end of the turn, if it is not in it already. Called with mu held.
func (p *Pool) push(l *Queue) {
	if l.inTurn {
		return
	}
	l.inTurn = true
	if p.last == nil {
		p.first = l
	} else {
		p.last.next = l
	}
	p.last = l
}

// pop takes the first lane of the turn that still has claims to verify; nil when there is none.
// Called with mu held.
func (p *Pool) pop() *Queue {
	for p.first != nil {
		l := p.first
		p.first, l.next, l.inTurn = l.next, nil, false
		if p.first == nil {
			p.last = nil
		}
		if l.work != nil { // nil: closed while it waited for its turn
			return l
		}
	}
	return nil
}
