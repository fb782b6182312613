package plain

import (
	"context"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
)

// To be waited for, a JSON peer must have taken fewTaken objects within takesWithin, and a line client all that was last
// written to it. So a dead address delays no one, and neither does a program that takes its messages slowly on purpose.
const (
	takesWithin = time.Second
	fewTaken    = 8
)

// noteTakenLocked notes that a peer took an object.
func (pe *jsonPeer) noteTakenLocked(now time.Time) {
	if pe.took++; pe.took >= fewTaken {
		pe.took, pe.tookAt = 0, now
	}
}

// WaitSpace waits while a peer that takes what it is sent has more waiting than it should, so that many
// messages are sent only as fast as they are taken. It doesn't wait for a peer that takes nothing, or hardly anything.
func (s *shared) WaitSpace(ctx context.Context) error {
	return s.await(ctx, func() bool {
		now := time.Now()
		for pe := range s.json.each {
			if len(pe.queue) > maxQueue/2 && (now.Sub(pe.tookAt) < takesWithin || now.Sub(pe.probedAt) < probeWithin) {
				return false
			}
		}
		for c := range s.lines.each {
			if c.queued > maxLineQueue/2 && now.Sub(c.tookAt) < takesWithin {
				return false
			}
		}
		return true
	})
}

// WaitSent waits until all messages are sent to those peers that can be reached.
func (s *shared) WaitSent(ctx context.Context) error {
	return s.await(ctx, func() bool {
		for pe := range s.json.each {
			if !pe.failing && !pe.unlike && (pe.sending || len(pe.queue) > 0) {
				return false
			}
		}
		for c := range s.lines.each {
			if c.writing || c.queued > 0 {
				return false
			}
		}
		return true
	})
}

// await waits for a state of the queues.
func (s *shared) await(ctx context.Context, ready func() bool) error {
	var next <-chan struct{} // nil at first: mostly there is nothing to wait for
	for !ready() {
		// A peer that took nothing for so long isn't waited for.
		if next != nil && !group.Sleep(ctx, takesWithin, next) {
			return context.Cause(ctx)
		}
		next = s.progress.next()
	}
	return nil
}

// progress wakes await when a peer took something, or never will.
type progress struct {
	mu sync.Mutex
	ch chan struct{} // nil while nothing waits
}

// next returns a channel that is closed at the next notify.
func (p *progress) next() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch == nil {
		p.ch = make(chan struct{})
	}
	return p.ch
}

func (p *progress) notify() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ch != nil {
		close(p.ch)
		p.ch = nil
	}
}
