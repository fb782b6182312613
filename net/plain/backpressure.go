package plain

import (
	"context"
	"sync"
	"time"
)

// takesWithin is how long ago a peer must have taken something to be waited for, so that one dead address
// delays no one.
const takesWithin = time.Second

// WaitSpace waits while a peer that takes what it is sent has more waiting than it should, so that many
// messages are sent only as fast as they are taken. It doesn't wait for a peer that takes nothing.
func (s *shared) WaitSpace(ctx context.Context) error {
	return s.await(ctx, func(now time.Time) bool { return s.json.haveSpace(now) && s.lines.haveSpace(now) })
}

// WaitSent waits until all messages are sent to those peers that can be reached.
func (s *shared) WaitSent(ctx context.Context) error {
	return s.await(ctx, func(time.Time) bool { return s.json.haveSent() && s.lines.haveSent() })
}

func (j *jsonPeers) haveSpace(now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, pe := range j.byAddr {
		if len(pe.queue) > maxQueue/2 && now.Sub(pe.tookAt) < takesWithin {
			return false
		}
	}
	return true
}

func (l *lineClients) haveSpace(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.all {
		if c.queued > maxLineQueue/2 && now.Sub(c.tookAt) < takesWithin {
			return false
		}
	}
	return true
}

func (j *jsonPeers) haveSent() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, pe := range j.byAddr {
		if !pe.failing && (pe.sending || len(pe.queue) > 0) {
			return false
		}
	}
	return true
}

func (l *lineClients) haveSent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.all {
		if c.writing || c.queued > 0 {
			return false
		}
	}
	return true
}

// await waits for a state of the queues.
func (s *shared) await(ctx context.Context, ready func(now time.Time) bool) error {
	for {
		if ready(time.Now()) { // mostly: then there is nothing to wait for
			return nil
		}
		next := s.progress.next()
		if ready(time.Now()) {
			return nil
		}
		t := time.NewTimer(takesWithin)
		select {
		case <-next:
		case <-t.C: // a peer that took nothing for so long isn't waited for
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
		t.Stop()
	}
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
