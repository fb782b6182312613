package plain

import (
	"context"
	"time"
)

// aliveWithin is how long ago a peer must have taken something to be waited for: one dead address delays
// nobody.
const aliveWithin = time.Second

// WaitSpace waits while a peer that takes what it is sent has more waiting than it should: for whoever
// says many lines, as fast as they are taken. Nobody is waited for who takes nothing.
func (p *Plain) WaitSpace(ctx context.Context) error {
	return p.await(ctx, func(now time.Time) bool {
		for _, pe := range p.peers {
			if len(pe.queue) > maxQueue/2 && now.Sub(pe.taken) < aliveWithin {
				return false
			}
		}
		for g := range p.guests {
			if g.queued > maxGuestQueue/2 && now.Sub(g.taken) < aliveWithin {
				return false
			}
		}
		return true
	})
}

// WaitSent waits until all that was said is sent, to those that can be reached.
func (p *Plain) WaitSent(ctx context.Context) error {
	return p.await(ctx, func(time.Time) bool {
		for _, pe := range p.peers {
			if !pe.failing && (pe.sending || len(pe.queue) > 0) {
				return false
			}
		}
		for g := range p.guests {
			if g.writing || g.queued > 0 {
				return false
			}
		}
		return true
	})
}

// await waits for a state of the queues; ready is called with mu held.
func (p *Plain) await(ctx context.Context, ready func(now time.Time) bool) error {
	for {
		p.mu.Lock()
		if ready(time.Now()) {
			p.mu.Unlock()
			return nil
		}
		if p.progress == nil {
			p.progress = make(chan struct{})
		}
		progress := p.progress
		p.mu.Unlock()
		t := time.NewTimer(aliveWithin)
		select {
		case <-progress:
		case <-t.C: // who took nothing for so long isn't waited for
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		t.Stop()
	}
}

// moved says that something was taken, or will never be. Called with mu held.
func (p *Plain) moved() {
	if p.progress != nil {
		close(p.progress)
		p.progress = nil
	}
}
